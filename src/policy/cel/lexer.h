// Turns the text of an expression into tokens. The text must be valid UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::policy::cel {

enum class TokenKind : std::uint8_t { kEnd, kIdent, kQuotedIdent, kInt, kUint, kDouble, kString, kBytes, kPunctuation };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::uint32_t begin = 0, end = 0;
  std::string text;  // Identifier, digits, decoded literal, or the operator itself.
};

Result<std::vector<Token>> tokenize(std::string_view source);
// "column 7" or "line 2 column 7", counted in characters from 1.
std::string place(std::string_view source, std::size_t offset);

}  // namespace remit::policy::cel
