// The small character classes of RFC 9110 that both directions check.
#pragma once

#include <string_view>

namespace remit::http::detail {

bool is_token(std::string_view text);        // 1*tchar
bool is_field_value(std::string_view text);  // No controls but HTAB.
bool is_digits(std::string_view text);       // At least one.
// A request target in origin form or "*": printable ASCII without space and '#'.
bool is_target(std::string_view text);

}  // namespace remit::http::detail
