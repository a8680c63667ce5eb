#include "models/canonical_request.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <map>

#include "base/strings.h"
#include "models/limits.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

using wire::text;
using wire::view;

constexpr std::array<std::string_view, 7> kClassNames = {"Pattern", "ToolResults", "System", "User",
                                                         "Tools",   "Options",     "Model"};
constexpr std::string_view kVolatileText = "<volatile>";

// Rules name tools with dots, models see underscores; a recording may use either.
std::string tool_key(std::string_view name) {
  std::string key(name);
  std::ranges::replace(key, '.', '_');
  return key;
}

json::value arguments_value(std::string_view arguments) {
  if (arguments.empty()) return json::object{};
  if (auto parsed = parse_json(arguments)) return std::move(*parsed);
  return text(arguments);
}

json::array tool_summary(const std::vector<ToolSpec>& tools, bool is_volatile) {
  json::array out;
  for (const auto& tool : tools) {
    const json::object rest{{"description", text(tool.description)}, {"inputSchema", tool.input_schema}};
    out.push_back(
        json::object{{"name", text(tool.name)},
                     {"sha256", text(is_volatile ? std::string(kVolatileText) : sha256_hex(canonical_json(rest)))}});
  }
  return out;
}

// RE2 gives a backslash in the replacement a meaning of its own.
std::string rewrite_of(std::string_view literal) {
  std::string out;
  for (const char c : literal) out += c == '\\' ? std::string("\\\\") : std::string(1, c);
  return out;
}

}  // namespace

json::object to_json_object(const Volatile& part) {
  json::object out;
  if (part.what == Volatile::Class::kPattern) {
    out["pattern"] = text(part.pattern);
    out["as"] = text(part.as);
    return out;
  }
  out["class"] = text(kClassNames[static_cast<std::size_t>(part.what)]);
  if (!part.tools.empty()) {
    json::array tools;
    for (const auto& tool : part.tools) tools.push_back(text(tool));
    out["tools"] = std::move(tools);
  }
  return out;
}

Result<Volatile> volatile_from_json(const json::object& object) {
  Volatile part;
  part.pattern = get_string(object, "pattern");
  part.as = get_string(object, "as", kVolatileText);
  const auto name = get_string(object, "class", "Pattern");
  const auto found = std::ranges::find(kClassNames, name);
  if (found == kClassNames.end()) {
    return fail(invalid_argument(
        fmt::format("volatile: unknown class '{}'; known are ToolResults, System, User, Tools, Options and Model",
                    printable(name, 60))));
  }
  part.what = static_cast<Volatile::Class>(found - kClassNames.begin());
  if ((part.what == Volatile::Class::kPattern) == part.pattern.empty()) {
    return fail(invalid_argument("volatile: give either a class or a pattern"));
  }
  if (part.as.empty()) return fail(invalid_argument("volatile: 'as' must not be empty"));
  if (const auto* tools = find_array(object, "tools")) {
    for (const auto& tool : *tools) {
      if (!tool.is_string()) return fail(invalid_argument("volatile: tools must be names"));
      part.tools.emplace_back(view(tool.get_string()));
    }
  }
  return part;
}

Result<Canonicalizer> Canonicalizer::make(const std::vector<Volatile>& volatiles, SecretMask secrets) {
  if (volatiles.size() > limits::kVolatilePatterns) {
    return fail(Code::kResourceExhausted, fmt::format("{} volatile parts are declared, the limit is {}",
                                                      volatiles.size(), limits::kVolatilePatterns));
  }
  Canonicalizer out;
  out.secrets_ = std::move(secrets);
  for (const auto& part : volatiles) {
    out.volatiles_.push_back(part);
    out.patterns_.emplace_back();
    if (part.what != Volatile::Class::kPattern) continue;
    if (part.pattern.size() > limits::kVolatilePatternBytes) {
      return fail(Code::kResourceExhausted,
                  fmt::format("a volatile pattern is longer than {} bytes, the limit", limits::kVolatilePatternBytes));
    }
    RE2::Options options;
    options.set_log_errors(false);
    auto pattern = std::make_shared<const RE2>(part.pattern, options);
    if (!pattern->ok())
      return fail(
          invalid_argument(fmt::format("volatile pattern '{}': {}", printable(part.pattern, 120), pattern->error())));
    if (RE2::PartialMatch("", *pattern)) {
      return fail(invalid_argument(fmt::format(
          "volatile pattern '{}' matches nothing at all, so it would match everywhere", printable(part.pattern, 120))));
    }
    out.patterns_.back() = std::move(pattern);
  }
  return out;
}

bool Canonicalizer::is_volatile(Volatile::Class what) const {
  return std::ranges::any_of(volatiles_, [&](const Volatile& part) { return part.what == what; });
}

bool Canonicalizer::is_volatile_tool(std::string_view tool) const {
  const std::string key = tool_key(tool);
  return std::ranges::any_of(volatiles_, [&](const Volatile& part) {
    if (part.what != Volatile::Class::kToolResults) return false;
    return part.tools.empty() ||
           std::ranges::any_of(part.tools, [&](const auto& name) { return tool_key(name) == key; });
  });
}

std::string Canonicalizer::mask(std::string_view input) const {
  std::string out = secrets_(input);
  for (std::size_t i = 0; i < patterns_.size(); ++i) {
    if (!patterns_[i]) continue;
    // What is masked already stays as it is, so that masking twice changes nothing.
    const std::string& as = volatiles_[i].as;
    const std::string rewrite = rewrite_of(as);
    std::string masked;
    for (std::size_t start = 0;;) {
      const std::size_t end = out.find(as, start);
      std::string piece = out.substr(start, end - start);
      RE2::GlobalReplace(&piece, *patterns_[i], rewrite);
      masked += piece;
      if (end == std::string::npos) break;
      masked += as;
      start = end + as.size();
    }
    out = std::move(masked);
  }
  return out;
}

json::value Canonicalizer::mask_value(const json::value& value) const {
  if (const auto* string = value.if_string()) return text(mask(view(*string)));
  if (const auto* array = value.if_array()) {
    json::array out;
    for (const auto& element : *array) out.push_back(mask_value(element));
    return out;
  }
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& member : *object) out[member.key()] = mask_value(member.value());
    return out;
  }
  return value;
}

json::object Canonicalizer::remask(const json::object& message) const {
  json::object out = mask_value(message).get_object();
  const auto role = get_string(out, "role");
  const bool whole = (role == "system" && is_volatile(Volatile::Class::kSystem)) ||
                     (role == "user" && is_volatile(Volatile::Class::kUser)) ||
                     (role == "tool" && is_volatile_tool(get_string(out, "tool")));
  if (!whole) return out;
  out["text"] = text(kVolatileText);
  // Parts (images and the like) say the same as the text does.
  out.erase("extra");
  return out;
}

json::object Canonicalizer::remask_setup(const json::object& setup) const {
  json::object out = mask_value(setup).get_object();
  if (is_volatile(Volatile::Class::kModel)) out["model"] = text(kVolatileText);
  if (is_volatile(Volatile::Class::kOptions)) out.erase("options"), out.erase("maxOutputTokens");
  if (auto* tools = out.if_contains("tools"); tools && tools->is_array() && is_volatile(Volatile::Class::kTools)) {
    for (auto& tool : tools->get_array()) {
      if (tool.is_object()) tool.get_object()["sha256"] = text(kVolatileText);
    }
  }
  return out;
}

json::object Canonicalizer::answer(const Message& message) const {
  json::object out{{"role", "assistant"}, {"text", text(message.text)}};
  json::array uses;
  for (const auto& use : message.tool_uses) {
    uses.push_back(
        json::object{{"id", text(use.id)}, {"name", text(use.name)}, {"arguments", arguments_value(use.arguments)}});
  }
  if (!uses.empty()) out["toolUses"] = std::move(uses);
  return remask(out);
}

CanonicalRequest Canonicalizer::operator()(const ModelRequest& request) const {
  CanonicalRequest out;
  std::map<std::string, std::string> tool_of_use;
  for (const auto& message : request.messages) {
    for (const auto& use : message.tool_uses) tool_of_use[use.id] = use.name;
    if (message.role == Role::kAssistant) {
      out.messages.push_back(answer(message));
      continue;
    }
    json::object object{{"role", text(to_string(message.role))}};
    if (message.role == Role::kTool) {
      object["toolUse"] = text(message.tool_use_id);
      if (const auto found = tool_of_use.find(message.tool_use_id); found != tool_of_use.end())
        object["tool"] = text(found->second);
      if (message.is_error) object["isError"] = true;
    }
    object["text"] = text(message.text);
    if (!message.extra.empty()) object["extra"] = message.extra;
    out.messages.push_back(remask(object));
  }
  json::object setup{{"model", text(request.model)}};
  if (request.max_output_tokens > 0) setup["maxOutputTokens"] = request.max_output_tokens;
  if (!request.extra.empty()) setup["options"] = request.extra;
  setup["tools"] = tool_summary(request.tools, false);
  out.setup = remask_setup(setup);
  return out;
}

}  // namespace remit::models
