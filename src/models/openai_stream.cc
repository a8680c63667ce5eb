// Streamed Chat Completions answers: chunks until "[DONE]". Servers that imitate the API differ in where they put what;
// what they are known to do is taken: tool calls without index or id, arguments as an object, usage in every chunk, no
// finish_reason, no [DONE].
#include <fmt/format.h>

#include "base/strings.h"
#include "models/limits.h"
#include "models/openai_wire.h"
#include "models/wire/openai_answer.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

std::unexpected<UpstreamFailure> unusable(Error error) {
  return std::unexpected(UpstreamFailure{std::move(error), false, std::nullopt});
}

class OpenAiStreamDecoder final : public StreamDecoder {
 public:
  std::expected<void, UpstreamFailure> feed(std::string_view, std::string_view data, std::vector<Event>& out) override;
  bool complete() const override { return done_ || finished_; }
  bool ended() const override { return done_; }
  bool empty() const override { return !seen_choice_; }
  ModelResponse take() override;
  std::size_t seen_bytes() const override { return bytes_; }

 private:
  struct PartialUse {
    std::int64_t index = -1;
    ToolUse use;
  };

  std::expected<void, UpstreamFailure> take_choice(const json::object& choice, std::vector<Event>& out);
  std::expected<void, UpstreamFailure> take_delta(const json::object& delta, std::vector<Event>& out);
  std::expected<void, UpstreamFailure> take_tool_call(const json::object& call);
  PartialUse* partial_for(const json::object& call);
  std::expected<void, UpstreamFailure> grow(std::size_t bytes);
  std::expected<void, UpstreamFailure> say(Chunk::Stream stream, std::string_view text, std::vector<Event>& out);
  void keep_unknown(const json::object& delta);
  void end_tool_calls(std::vector<Event>& out);

  ModelResponse response_;
  std::vector<PartialUse> partial_;
  std::size_t bytes_ = 0;
  bool seen_choice_ = false;
  bool finished_ = false;  // finish_reason came; usage may follow.
  bool done_ = false;
  bool refused_ = false;
};

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::feed(std::string_view, std::string_view data,
                                                               std::vector<Event>& out) {
  if (done_) return {};
  if (trim(data) == "[DONE]") {
    end_tool_calls(out);
    done_ = true;
    return {};
  }
  const auto parsed = parse_json_object(data);
  if (!parsed) return unusable(wire::garbage("Chat Completions", parsed.error().message(), data));
  if (const auto* error = find(*parsed, "error"); error && !error->is_null())
    return std::unexpected(wire::openai_failure(*error));
  if (response_.request_id.empty()) response_.request_id = get_string(*parsed, "id");
  if (const auto model = get_string(*parsed, "model"); !model.empty()) response_.model = model;
  if (const auto* usage = find_object(*parsed, "usage")) {
    if (const auto known = wire::openai_usage(*usage)) {
      response_.usage = *known, response_.usage_known = true;
      out.push_back(UsageReport{*known});
    }
  }
  const auto* choices = find_array(*parsed, "choices");
  if (!choices) {
    if (find(*parsed, "usage")) return {};
    return unusable(wire::garbage("Chat Completions", "no choices", data));
  }
  for (const auto& choice : *choices) {
    const auto* object = choice.if_object();
    if (!object) return unusable(wire::garbage("Chat Completions", "a choice that is no object", data));
    // We ask for one; another one is none of ours.
    if (get_int(*object, "index") != 0) continue;
    if (auto taken = take_choice(*object, out); !taken) return taken;
  }
  return {};
}

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::take_choice(const json::object& choice,
                                                                      std::vector<Event>& out) {
  seen_choice_ = true;
  if (const auto* delta = find_object(choice, "delta")) {
    if (auto taken = take_delta(*delta, out); !taken) return taken;
  }
  if (const auto reason = get_string(choice, "finish_reason"); !reason.empty()) {
    response_.stop = wire::openai_stop(reason);
    finished_ = true;
    end_tool_calls(out);
  }
  return {};
}

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::take_delta(const json::object& delta,
                                                                     std::vector<Event>& out) {
  const auto reasoning = get_string(delta, "reasoning_content", get_string(delta, "reasoning"));
  if (auto said = say(Chunk::Stream::kReasoning, reasoning, out); !said) return said;
  if (auto said = say(Chunk::Stream::kText, wire::openai_content_text(find(delta, "content")), out); !said) return said;
  const auto refusal = get_string(delta, "refusal");
  refused_ = refused_ || !refusal.empty();
  if (auto said = say(Chunk::Stream::kText, refusal, out); !said) return said;
  if (const auto* calls = find_array(delta, "tool_calls")) {
    for (const auto& call : *calls) {
      const auto* object = call.if_object();
      if (!object) return unusable(wire::garbage("Chat Completions", "a tool call that is no object", to_json(call)));
      if (auto taken = take_tool_call(*object); !taken) return taken;
    }
  } else if (const auto* function = find_object(delta, "function_call")) {
    // The form before tools.
    if (auto taken = take_tool_call(json::object{{"index", 0}, {"function", *function}}); !taken) return taken;
  }
  keep_unknown(delta);
  return grow(0);
}

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::take_tool_call(const json::object& call) {
  PartialUse* partial = partial_for(call);
  if (!partial) {
    return unusable({Code::kResourceExhausted,
                     fmt::format("the answer holds more than {} tool calls, the limit", limits::kToolUsesPerAnswer)});
  }
  if (const auto id = get_string(call, "id"); !id.empty()) partial->use.id = id;
  const auto* function = find_object(call, "function");
  if (!function) return {};
  const auto name = get_string(*function, "name");
  // The name comes once; servers that repeat it whole in each piece must not double it.
  if (partial->use.name.empty()) partial->use.name = name;
  const std::string arguments = wire::arguments_text(find(*function, "arguments"));
  partial->use.arguments += arguments;
  return grow(arguments.size() + name.size());
}

// The call that a piece belongs to: by index; without one, a new id begins a new call and no id continues the last.
OpenAiStreamDecoder::PartialUse* OpenAiStreamDecoder::partial_for(const json::object& call) {
  const auto index = wire::count(call, "index");
  const auto id = get_string(call, "id");
  if (index) {
    for (auto& partial : partial_) {
      if (partial.index == *index) return &partial;
    }
  } else if (!partial_.empty() && (id.empty() || id == partial_.back().use.id)) {
    return &partial_.back();
  }
  if (partial_.size() + response_.message.tool_uses.size() >= limits::kToolUsesPerAnswer) return nullptr;
  partial_.push_back({index.value_or(-1), {}});
  return &partial_.back();
}

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::grow(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= limits::kAnswerBytes) return {};
  return unusable({Code::kResourceExhausted,
                   fmt::format("the answer is longer than {} bytes, the limit (kAnswerBytes)", limits::kAnswerBytes)});
}

std::expected<void, UpstreamFailure> OpenAiStreamDecoder::say(Chunk::Stream stream, std::string_view text,
                                                              std::vector<Event>& out) {
  if (text.empty()) return {};
  (stream == Chunk::Stream::kText ? response_.message.text : response_.message.reasoning) += text;
  out.push_back(Chunk{stream, std::string(text)});
  return grow(text.size());
}

void OpenAiStreamDecoder::keep_unknown(const json::object& delta) {
  for (const auto& member : delta) {
    if (wire::is_known_openai_member(member.key()) || member.value().is_null()) continue;
    json::value& kept = response_.message.extra[member.key()];
    // Text comes in pieces, everything else as its latest state.
    if (kept.is_string() && member.value().is_string()) {
      kept.get_string().append(member.value().get_string());
    } else {
      kept = member.value();
    }
    bytes_ += member.key().size() + (member.value().is_string() ? member.value().get_string().size() : 16);
  }
}

void OpenAiStreamDecoder::end_tool_calls(std::vector<Event>& out) {
  for (auto& partial : partial_) {
    if (partial.use.id.empty())
      partial.use.id = wire::made_up_id(response_.request_id, response_.message.tool_uses.size());
    response_.message.tool_uses.push_back(partial.use);
    out.push_back(ProposedAction{std::move(partial.use)});
  }
  partial_.clear();
}

ModelResponse OpenAiStreamDecoder::take() {
  response_.message.role = Role::kAssistant;
  if (!finished_) response_.stop = done_ ? StopReason::kEnd : StopReason::kOther;
  if (response_.stop == StopReason::kEnd && !response_.message.tool_uses.empty()) response_.stop = StopReason::kToolUse;
  if (refused_) response_.stop = StopReason::kRefused;
  return std::move(response_);
}

}  // namespace

std::unique_ptr<StreamDecoder> make_openai_stream_decoder() { return std::make_unique<OpenAiStreamDecoder>(); }

}  // namespace remit::models
