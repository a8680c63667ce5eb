#include "models/wire/replay_match.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "models/wire/outcomes.h"
#include "models/wire/wire_json.h"

namespace remit::models::wire {
namespace {

constexpr std::size_t kExcerptBefore = 30;
constexpr std::size_t kExcerptBytes = 100;
constexpr std::size_t kSetupDifferences = 6;

std::string quoted(std::string_view all, std::size_t from) {
  std::size_t begin = from > kExcerptBefore ? from - kExcerptBefore : 0;
  while (begin > 0 && begin < all.size() && (static_cast<unsigned char>(all[begin]) & 0xc0) == 0x80) --begin;
  const auto piece = utf8_prefix(all.substr(std::min(begin, all.size())), kExcerptBytes);
  return fmt::format("\"{}{}{}\"", begin > 0 ? "…" : "", printable(piece),
                     begin + piece.size() < all.size() ? "…" : "");
}

std::string as_text(const json::value* value) {
  if (!value) return "(absent)";
  if (const auto* string = value->if_string()) return std::string(view(*string));
  return canonical_json(*value);
}

std::string difference(std::string_view what, const json::value* recorded, const json::value* now) {
  const std::string before = as_text(recorded), after = as_text(now);
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
  return fmt::format("{}: recorded {}, now {} (the same up to byte {})", what, quoted(before, at), quoted(after, at),
                     at);
}

std::string describe(const json::object& message) {
  const auto role = get_string(message, "role");
  if (role == "tool") return fmt::format("result of tool {}", printable(get_string(message, "tool", "?"), 60));
  return fmt::format("{} message", role);
}

std::string explain_message(const json::object& recorded, const json::object& now) {
  if (get_string(recorded, "role") != get_string(now, "role")) {
    return fmt::format("recorded {} {}, now {} {}", describe(recorded), quoted(get_string(recorded, "text"), 0),
                       describe(now), quoted(get_string(now, "text"), 0));
  }
  for (const std::string_view member : {"tool", "toolUse", "isError", "text", "toolUses", "extra"}) {
    const auto* before = find(recorded, member);
    const auto* after = find(now, member);
    if (as_text(before) != as_text(after))
      return fmt::format("{}, {}", describe(now), difference(member, before, after));
  }
  return fmt::format("{}: recorded {}, now {}", describe(now), quoted(canonical_json(recorded), 0),
                     quoted(canonical_json(now), 0));
}

const json::object* tool_named(const json::array& tools, std::string_view name) {
  for (const auto& tool : tools) {
    if (tool.is_object() && get_string(tool.get_object(), "name") == name) return &tool.get_object();
  }
  return nullptr;
}

void explain_tools(const json::array& recorded, const json::array& now, std::vector<std::string>& out) {
  for (const auto& tool : recorded) {
    const auto name = tool.is_object() ? get_string(tool.get_object(), "name") : std::string_view();
    const auto* other = tool_named(now, name);
    if (!other) out.push_back(fmt::format("tool {} is no longer offered", printable(name, 60)));
    if (other && get_string(*other, "sha256") != get_string(tool.get_object(), "sha256")) {
      out.push_back(fmt::format("tool {}: its description or schema changed", printable(name, 60)));
    }
  }
  for (const auto& tool : now) {
    const auto name = get_string(tool.get_object(), "name");
    if (!tool_named(recorded, name)) out.push_back(fmt::format("tool {} is new", printable(name, 60)));
  }
  if (out.empty() && recorded != now) out.push_back("the tools have another order");
}

}  // namespace

std::string extend_chain(const std::string& chain, const json::object& message) {
  return sha256_hex(chain + canonical_json(message));
}

std::vector<std::string> chain_of(const std::vector<json::object>& messages) {
  std::vector<std::string> chain{""};
  chain.reserve(messages.size() + 1);
  for (const auto& message : messages) chain.push_back(extend_chain(chain.back(), message));
  return chain;
}

std::size_t common_messages(const std::vector<json::object>& recorded, const std::vector<json::object>& now,
                            std::size_t from) {
  std::size_t same = 0;
  while (same < recorded.size() && from + same < now.size() && recorded[same] == now[from + same]) ++same;
  return same;
}

std::string explain_messages(const std::vector<json::object>& recorded, const std::vector<json::object>& now,
                             std::size_t from) {
  const std::size_t same = common_messages(recorded, now, from);
  const std::size_t at = from + same;
  if (same == recorded.size() && at == now.size()) return "the messages are the same";
  if (same == recorded.size())
    return fmt::format("message {} is one more than recorded: {} {}", at + 1, describe(now[at]),
                       quoted(get_string(now[at], "text"), 0));
  if (at == now.size())
    return fmt::format("message {} is missing: recorded {} {}", at + 1, describe(recorded[same]),
                       quoted(get_string(recorded[same], "text"), 0));
  return fmt::format("message {}, {}", at + 1, explain_message(recorded[same], now[at]));
}

std::string explain_setup(const json::object& recorded, const json::object& now) {
  std::vector<std::string> out;
  const auto* before = find_array(recorded, "tools");
  const auto* after = find_array(now, "tools");
  explain_tools(before ? *before : json::array{}, after ? *after : json::array{}, out);
  for (const std::string_view member : {"model", "maxOutputTokens", "options"}) {
    if (as_text(find(recorded, member)) != as_text(find(now, member)))
      out.push_back(difference(member, find(recorded, member), find(now, member)));
  }
  if (out.size() > kSetupDifferences) {
    const auto more = out.size() - kSetupDifferences;
    out.resize(kSetupDifferences);
    out.push_back(fmt::format("and {} more", more));
  }
  return out.empty() ? "nothing that is shown here" : join(out, "; ");
}

}  // namespace remit::models::wire
