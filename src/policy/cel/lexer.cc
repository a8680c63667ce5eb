#include "policy/cel/lexer.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"

namespace remit::policy::cel {

std::string place(std::string_view source, std::size_t offset) {
  const auto before = source.substr(0, std::min(offset, source.size()));
  const auto newline = before.rfind('\n');
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const auto tail = newline == std::string_view::npos ? before : before.substr(newline + 1);
  const auto column = 1 + std::count_if(tail.begin(), tail.end(),
                                        [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return line == 1 ? fmt::format("column {}", column) : fmt::format("line {} column {}", line, column);
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

static void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6), out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12), out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18), out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f)), out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

namespace {

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    for (;;) {
      skip_space();
      REMIT_TRY(auto token, next());
      tokens.push_back(std::move(token));
      if (tokens.back().kind == TokenKind::kEnd) return tokens;
    }
  }

 private:
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }

  std::unexpected<Error> error(std::string message) const {
    return fail(Code::kInvalidArgument, place(source_, at_) + ": " + std::move(message));
  }

  void skip_space() {
    for (; at_ < source_.size(); ++at_) {
      const char c = peek();
      if (c == '/' && peek(1) == '/') {
        while (at_ < source_.size() && peek() != '\n') ++at_;
      } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f') {
        return;
      }
    }
  }

  Token make(TokenKind kind, std::size_t begin, std::string text) const {
    return {kind, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(at_), std::move(text)};
  }

  Result<Token> next() {
    const std::size_t begin = at_;
    if (at_ >= source_.size()) return make(TokenKind::kEnd, begin, "");
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) return number();
    if (c == '"' || c == '\'') return text_literal(false, false);
    if (const auto length = literal_prefix()) return prefixed_literal(length);
    if (is_letter(c)) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      return make(TokenKind::kIdent, begin, std::string(source_.substr(begin, at_ - begin)));
    }
    if (c == '`') return quoted_ident();
    return punctuation();
  }

  // The length of r, b, rb or br before a quote; 0 when there is none.
  std::size_t literal_prefix() const {
    std::size_t length = 0;
    while (length < 2 && std::string_view("rRbB").find(peek(length)) != std::string_view::npos && peek(length))
      ++length;
    const char quote = peek(length);
    if (length == 0 || (quote != '"' && quote != '\'')) return 0;
    if (length == 2 && (to_lower(source_.substr(at_, 1)) == to_lower(source_.substr(at_ + 1, 1)))) return 0;
    return length;
  }

  Result<Token> prefixed_literal(std::size_t length) {
    const auto prefix = to_lower(source_.substr(at_, length));
    const std::size_t begin = at_;
    at_ += length;
    auto token = text_literal(prefix.contains('r'), prefix.contains('b'));
    if (token) token->begin = static_cast<std::uint32_t>(begin);
    return token;
  }

  Result<Token> quoted_ident() {
    const std::size_t begin = at_++;
    while (is_letter(peek()) || is_digit(peek()) ||
           (peek() && std::string_view(".-/ ").find(peek()) != std::string_view::npos)) {
      ++at_;
    }
    if (peek() != '`' || at_ == begin + 1)
      return error("a `quoted name` holds letters, digits and _ . - / or blank, and ends with `");
    ++at_;
    return make(TokenKind::kQuotedIdent, begin, std::string(source_.substr(begin + 1, at_ - begin - 2)));
  }

  Result<Token> number() {
    const std::size_t begin = at_;
    TokenKind kind = TokenKind::kInt;
    if (peek() == '0' && (peek(1) == 'x' || peek(1) == 'X') && is_hex(peek(2))) {
      at_ += 2;
      while (is_hex(peek())) ++at_;
    } else {
      kind = decimal();
    }
    std::string text(source_.substr(begin, at_ - begin));
    if (kind == TokenKind::kInt && (peek() == 'u' || peek() == 'U')) ++at_, kind = TokenKind::kUint;
    if (is_letter(peek()) || is_digit(peek())) return error("a number is followed directly by a letter");
    return make(kind, begin, std::move(text));
  }

  TokenKind decimal() {
    TokenKind kind = TokenKind::kInt;
    while (is_digit(peek())) ++at_;
    if (peek() == '.' && is_digit(peek(1))) {
      kind = TokenKind::kDouble;
      ++at_;
      while (is_digit(peek())) ++at_;
    }
    const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
    if ((peek() == 'e' || peek() == 'E') && is_digit(peek(sign))) {
      kind = TokenKind::kDouble;
      at_ += sign;
      while (is_digit(peek())) ++at_;
    }
    return kind;
  }

  Result<Token> punctuation() {
    static constexpr std::array<std::string_view, 6> kPairs = {"&&", "||", "==", "!=", "<=", ">="};
    const std::size_t begin = at_;
    const auto two = source_.substr(at_, 2);
    if (std::ranges::find(kPairs, two) != kPairs.end()) {
      at_ += 2;
      return make(TokenKind::kPunctuation, begin, std::string(two));
    }
    if (std::string_view("+-*/%!<>?:.,()[]{}").find(peek()) == std::string_view::npos) {
      return error(fmt::format("'{}' has no meaning here", printable(source_.substr(at_, 1))));
    }
    ++at_;
    return make(TokenKind::kPunctuation, begin, std::string(source_.substr(begin, 1)));
  }

  Result<Token> text_literal(bool raw, bool bytes) {
    const std::size_t begin = at_;
    const char quote = peek();
    const bool triple = peek(1) == quote && peek(2) == quote;
    at_ += triple ? 3 : 1;
    std::string out;
    for (;;) {
      if (at_ >= source_.size()) return at_ = begin, error("a text without its closing quote");
      const char c = peek();
      if (c == quote && (!triple || (peek(1) == quote && peek(2) == quote))) break;
      if (!triple && (c == '\n' || c == '\r'))
        return error("a line break inside a text; write \\n or use triple quotes");
      if (c == '\\' && !raw) {
        REMIT_CHECK_OK(escape(out, bytes));
        continue;
      }
      out += c, ++at_;
    }
    at_ += triple ? 3 : 1;
    return make(bytes ? TokenKind::kBytes : TokenKind::kString, begin, std::move(out));
  }

  Result<> escape(std::string& out, bool bytes) {
    static constexpr std::string_view kNames = "abfnrtv\\?\"'`";
    static constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\?\"'`";
    const char c = peek(1);
    if (const auto simple = kNames.find(c); c && simple != std::string_view::npos) {
      out += kValues[simple], at_ += 2;
      return {};
    }
    if (c == 'x' || c == 'X') return code_point(out, 2, 2, 16, bytes);
    if (c >= '0' && c <= '3') return code_point(out, 1, 3, 8, bytes);
    if (c == 'u' && !bytes) return code_point(out, 2, 4, 16, false);
    if (c == 'U' && !bytes) return code_point(out, 2, 8, 16, false);
    return error("an unknown escape; write \\\\ for a backslash or use r'…'");
  }

  Result<> code_point(std::string& out, std::size_t skip, std::size_t count, unsigned base, bool as_byte) {
    std::uint32_t code = 0;
    for (std::size_t i = skip; i < skip + count; ++i) {
      const char c = peek(i);
      if (!is_hex(c) || (base == 8 && c > '7')) return error("an escape with too few digits");
      const auto digit = static_cast<std::uint32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
      code = code * base + digit;
    }
    if (as_byte) {
      out += static_cast<char>(code);
    } else if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      return error("an escape that is no Unicode character");
    } else {
      append_utf8(out, code);
    }
    at_ += skip + count;
    return {};
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view source) { return Lexer(source).run(); }

}  // namespace remit::policy::cel
