#include "models/wire/wire_json.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "models/limits.h"

namespace remit::models::wire {

std::optional<std::int64_t> count(const json::object& object, std::string_view key) {
  const auto* value = find(object, key);
  if (!value || !value->is_number()) return std::nullopt;
  json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error || number < 0) return std::nullopt;
  return number;
}

bool is_private_member(std::string_view key) { return key.starts_with("openai_") || key.starts_with("anthropic_"); }

Error garbage(std::string_view dialect, std::string_view what, std::string_view bytes) {
  return {Code::kDataLoss, fmt::format("the provider's answer is not what the {} API sends ({}): {}", dialect, what,
                                       printable(bytes, limits::kErrorExcerptBytes))};
}

std::string arguments_text(const json::value* value) {
  if (!value || value->is_null()) return "";
  if (const auto* string = value->if_string()) return std::string(view(*string));
  return to_json(*value);
}

std::string made_up_id(std::string_view answer_id, std::size_t index) {
  return fmt::format("call_{}_{}", answer_id.empty() ? "0" : answer_id, index + 1);
}

}  // namespace remit::models::wire
