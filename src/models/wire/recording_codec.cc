#include "models/wire/recording_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/strings.h"
#include "models/wire/wire_json.h"

namespace remit::models::wire {
namespace {

constexpr std::string_view kPricesKey = "pricesMicroUSDPerMillionTokens";

// A misspelt member would silently mean its default; so unknown ones are refused.
Result<> only(const json::object& object, std::string_view what, std::span<const std::string_view> known) {
  for (const auto& member : object) {
    if (std::ranges::find(known, std::string_view(member.key())) != known.end()) continue;
    const auto near = nearest(member.key(), known);
    return fail(invalid_argument(fmt::format("{} has the unknown member '{}'{}", what, printable(member.key(), 60),
                                             near.empty() ? "" : fmt::format("; did you mean '{}'?", near))));
  }
  return {};
}

Result<std::int64_t> amount(const json::object& object, std::string_view key, std::string_view what) {
  if (!find(object, key)) return 0;
  const auto number = count(object, key);
  if (!number || *number > (std::int64_t{1} << 40))
    return fail(invalid_argument(fmt::format("{}.{}: expected a whole number of at least 0", what, key)));
  return *number;
}

Result<ModelPrices> prices_from_json(const json::object& object) {
  constexpr std::string_view kKnown[] = {"input", "cachedInput", "cacheWrite", "output", "reasoning"};
  REMIT_CHECK_OK(only(object, kPricesKey, kKnown));
  ModelPrices prices;
  REMIT_TRY(prices.input, amount(object, "input", kPricesKey));
  REMIT_TRY(prices.cached_input, amount(object, "cachedInput", kPricesKey));
  REMIT_TRY(prices.cache_write, amount(object, "cacheWrite", kPricesKey));
  REMIT_TRY(prices.output, amount(object, "output", kPricesKey));
  REMIT_TRY(prices.reasoning, amount(object, "reasoning", kPricesKey));
  // What is not priced apart costs as much as its kind: never nothing.
  if (!find(object, "cachedInput")) prices.cached_input = prices.input;
  if (!find(object, "cacheWrite")) prices.cache_write = prices.input;
  if (!find(object, "reasoning")) prices.reasoning = prices.output;
  return prices;
}

Result<Usage> usage_from_json(const json::object& object) {
  constexpr std::string_view kKnown[] = {"input", "cachedInput", "cacheWrite", "output", "reasoning"};
  REMIT_CHECK_OK(only(object, "answer.usage", kKnown));
  Usage usage;
  REMIT_TRY(usage.input, amount(object, "input", "answer.usage"));
  REMIT_TRY(usage.cached_input, amount(object, "cachedInput", "answer.usage"));
  REMIT_TRY(usage.cache_write, amount(object, "cacheWrite", "answer.usage"));
  REMIT_TRY(usage.output, amount(object, "output", "answer.usage"));
  REMIT_TRY(usage.reasoning, amount(object, "reasoning", "answer.usage"));
  if (usage.cached_input + usage.cache_write > usage.input || usage.reasoning > usage.output) {
    return fail(
        invalid_argument("answer.usage: input includes cachedInput and cacheWrite, and output includes reasoning"));
  }
  return usage;
}

json::object usage_to_json(const Usage& usage) {
  json::object out{{"input", usage.input}};
  if (usage.cached_input) out["cachedInput"] = usage.cached_input;
  if (usage.cache_write) out["cacheWrite"] = usage.cache_write;
  out["output"] = usage.output;
  if (usage.reasoning) out["reasoning"] = usage.reasoning;
  return out;
}

Result<StopReason> stop_from_text(std::string_view name) {
  for (const auto stop :
       {StopReason::kEnd, StopReason::kToolUse, StopReason::kLength, StopReason::kRefused, StopReason::kOther}) {
    if (to_string(stop) == name) return stop;
  }
  return fail(invalid_argument(
      fmt::format("answer.stop: expected end, tool_use, length, refused or other, got '{}'", printable(name, 40))));
}

Result<std::vector<ToolUse>> uses_from_json(const json::object& answer) {
  std::vector<ToolUse> uses;
  const auto* values = find(answer, "toolUses");
  if (!values) return uses;
  if (!values->is_array()) return fail(invalid_argument("answer.toolUses: expected an array"));
  constexpr std::string_view kKnown[] = {"id", "name", "arguments"};
  for (const auto& value : values->get_array()) {
    const auto* object = value.if_object();
    if (!object) return fail(invalid_argument("answer.toolUses: expected objects"));
    REMIT_CHECK_OK(only(*object, "a member of answer.toolUses", kKnown));
    ToolUse use{std::string(get_string(*object, "id")), std::string(get_string(*object, "name")),
                arguments_text(find(*object, "arguments"))};
    if (use.name.empty()) return fail(invalid_argument("answer.toolUses: a tool use has no name"));
    uses.push_back(std::move(use));
  }
  if (uses.size() > limits::kToolUsesPerAnswer)
    return fail(Code::kResourceExhausted,
                fmt::format("answer.toolUses: there are more than {}, the limit", limits::kToolUsesPerAnswer));
  return uses;
}

Result<RecordedAnswer> answer_from_json(const json::object& object) {
  constexpr std::string_view kKnown[] = {"text",  "reasoning",      "toolUses", "stop",
                                         "usage", "usageEstimated", "model",    "extra"};
  REMIT_CHECK_OK(only(object, "answer", kKnown));
  RecordedAnswer answer;
  Message& message = answer.response.message;
  message.role = Role::kAssistant;
  message.text = get_string(object, "text");
  message.reasoning = get_string(object, "reasoning");
  REMIT_TRY(message.tool_uses, uses_from_json(object));
  if (const auto* extra = find_object(object, "extra")) message.extra = *extra;
  answer.response.stop = message.tool_uses.empty() ? StopReason::kEnd : StopReason::kToolUse;
  if (const auto stop = get_string(object, "stop"); !stop.empty()) {
    REMIT_TRY(answer.response.stop, stop_from_text(stop));
    answer.explicit_stop = true;
  }
  answer.response.model = get_string(object, "model");
  answer.usage_estimated = get_bool(object, "usageEstimated");
  if (const auto* usage = find_object(object, "usage")) {
    REMIT_TRY(answer.response.usage, usage_from_json(*usage));
    answer.has_usage = answer.response.usage_known = true;
  }
  if (message.text.empty() && message.tool_uses.empty())
    return fail(invalid_argument("answer: give text, toolUses, or both"));
  return answer;
}

json::object answer_to_json(const RecordedAnswer& answer, std::string_view turn_name) {
  const Message& message = answer.response.message;
  json::object out;
  if (!message.reasoning.empty()) out["reasoning"] = text(message.reasoning);
  if (!message.text.empty()) out["text"] = text(message.text);
  json::array uses;
  for (std::size_t i = 0; i < message.tool_uses.size(); ++i) {
    const ToolUse& use = message.tool_uses[i];
    json::object object;
    if (use.id != default_use_id(turn_name, i)) object["id"] = text(use.id);
    object["name"] = text(use.name);
    // As an object when that gives back the same text, which is easier to read and to write.
    auto parsed = parse_json(use.arguments);
    if (parsed && parsed->is_object() && to_json(*parsed) == use.arguments) {
      object["arguments"] = std::move(*parsed);
    } else {
      object["arguments"] = text(use.arguments);
    }
    uses.push_back(std::move(object));
  }
  const StopReason usual = uses.empty() ? StopReason::kEnd : StopReason::kToolUse;
  if (!uses.empty()) out["toolUses"] = std::move(uses);
  if (answer.explicit_stop || answer.response.stop != usual) out["stop"] = text(to_string(answer.response.stop));
  if (answer.has_usage) out["usage"] = usage_to_json(answer.response.usage);
  if (answer.usage_estimated) out["usageEstimated"] = true;
  if (!answer.response.model.empty()) out["model"] = text(answer.response.model);
  if (!message.extra.empty()) out["extra"] = message.extra;
  return out;
}

}  // namespace

std::string default_use_id(std::string_view turn_name, std::size_t index) {
  std::string name(turn_name);
  std::ranges::replace(name, '.', '_');
  return fmt::format("call_{}_{}", name, index + 1);
}

json::object to_json_object(const RecordingHeader& header) {
  json::object out{{"format", text(kRecordingFormat)},
                   {"version", kRecordingVersion},
                   {"made", text(header.made)},
                   {"model", text(header.model)}};
  if (header.prices) {
    out[jsv(kPricesKey)] = json::object{{"input", header.prices->input},
                                        {"cachedInput", header.prices->cached_input},
                                        {"cacheWrite", header.prices->cache_write},
                                        {"output", header.prices->output},
                                        {"reasoning", header.prices->reasoning}};
  }
  if (!header.volatiles.empty()) {
    json::array parts;
    for (const auto& part : header.volatiles) parts.push_back(models::to_json_object(part));
    out["volatile"] = std::move(parts);
  }
  return out;
}

Result<RecordingHeader> header_from_json(const json::object& object) {
  if (get_string(object, "format") != kRecordingFormat) {
    return fail(invalid_argument(fmt::format(
        "this is no recorded model: the first line must be its header, with \"format\": \"{}\"", kRecordingFormat)));
  }
  const auto version = get_int(object, "version");
  if (version != kRecordingVersion) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the recording has version {}; this program reads version {}{}", version, kRecordingVersion,
                            version > kRecordingVersion ? "; use a newer one" : ""));
  }
  constexpr std::string_view kKnown[] = {"format", "version", "made", "model", kPricesKey, "volatile"};
  REMIT_CHECK_OK(only(object, "the header", kKnown));
  RecordingHeader header;
  header.made = get_string(object, "made");
  header.model = get_string(object, "model");
  if (header.made.empty())
    return fail(invalid_argument("the header must say how the recording was made (\"made\": \"written by hand\")"));
  if (const auto* prices = find_object(object, kPricesKey)) {
    REMIT_TRY(header.prices, prices_from_json(*prices));
  }
  if (const auto* parts = find_array(object, "volatile")) {
    if (parts->size() > limits::kVolatilePatterns)
      return fail(Code::kResourceExhausted,
                  fmt::format("there are more than {} volatile parts, the limit", limits::kVolatilePatterns));
    for (const auto& part : *parts) {
      if (!part.is_object()) return fail(invalid_argument("volatile: expected objects"));
      REMIT_TRY(auto decoded, volatile_from_json(part.get_object()));
      header.volatiles.push_back(std::move(decoded));
    }
  }
  return header;
}

json::object to_json_object(const RecordedTurn& turn) {
  json::object out;
  if (turn.conversation != "main") out["conversation"] = text(turn.conversation);
  if (turn.after) out["after"] = text(*turn.after);
  if (turn.setup) out["setup"] = *turn.setup;
  if (turn.new_messages) {
    json::array messages;
    for (const auto& message : *turn.new_messages) messages.push_back(message);
    out["new"] = std::move(messages);
  }
  out["answer"] = answer_to_json(turn.answer, turn.name);
  return out;
}

Result<RecordedTurn> turn_from_json(const json::object& object) {
  constexpr std::string_view kKnown[] = {"conversation", "after", "setup", "new", "answer"};
  REMIT_CHECK_OK(only(object, "a turn", kKnown));
  RecordedTurn turn;
  turn.conversation = get_string(object, "conversation", "main");
  if (turn.conversation.empty() || turn.conversation.find('.') != std::string::npos) {
    return fail(invalid_argument("conversation: expected a name without dots"));
  }
  if (const auto after = get_string(object, "after"); !after.empty()) turn.after = after;
  if (const auto* setup = find_object(object, "setup")) turn.setup = *setup;
  if (const auto* messages = find(object, "new")) {
    if (!messages->is_array()) return fail(invalid_argument("new: expected an array of messages"));
    turn.new_messages.emplace();
    for (const auto& message : messages->get_array()) {
      if (!message.is_object()) return fail(invalid_argument("new: expected messages, which are objects"));
      turn.new_messages->push_back(message.get_object());
    }
  }
  const auto* answer = find_object(object, "answer");
  if (!answer) return fail(invalid_argument("a turn needs an answer"));
  REMIT_TRY(turn.answer, answer_from_json(*answer));
  return turn;
}

}  // namespace remit::models::wire
