#include "policy/cel/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>

#include "base/strings.h"
#include "policy/cel/lexer.h"

namespace remit::policy::cel {
namespace {

struct BinaryOperator {
  std::string_view text;
  int precedence;
  Op op;
};
constexpr BinaryOperator kBinary[] = {
    {"||", 1, Op::kOr},     {"&&", 2, Op::kAnd},          {"<", 3, Op::kLess},     {"<=", 3, Op::kLessEqual},
    {">", 3, Op::kGreater}, {">=", 3, Op::kGreaterEqual}, {"==", 3, Op::kEqual},   {"!=", 3, Op::kNotEqual},
    {"in", 3, Op::kIn},     {"+", 4, Op::kAdd},           {"-", 4, Op::kSubtract}, {"*", 5, Op::kMultiply},
    {"/", 5, Op::kDivide},  {"%", 5, Op::kModulo},
};
constexpr std::array<std::string_view, 17> kReserved = {"as",        "break",  "const",  "continue", "else", "for",
                                                        "function",  "if",     "import", "let",      "loop", "package",
                                                        "namespace", "return", "var",    "void",     "while"};
constexpr std::array<std::string_view, 4> kKeywords = {"in", "true", "false", "null"};

class Parser {
 public:
  Parser(std::string_view source, std::vector<Token> tokens) : source_(source), tokens_(std::move(tokens)) {}

  Result<NodePtr> run() {
    REMIT_TRY(auto node, expression());
    if (token().kind != TokenKind::kEnd) return error("expected the end of the expression or an operator");
    return node;
  }

 private:
  // Bounds the recursion of the parser itself; each level of the grammar that can nest takes one.
  class Level {
   public:
    explicit Level(std::size_t& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;

   private:
    std::size_t& depth_;
  };

  const Token& token() const { return tokens_[at_]; }
  bool is(std::string_view text) const {
    return (token().kind == TokenKind::kPunctuation || token().kind == TokenKind::kIdent) && token().text == text;
  }
  bool take(std::string_view text) {
    if (!is(text)) return false;
    ++at_;
    return true;
  }
  Result<> expect(std::string_view text) {
    if (take(text)) return {};
    return error(fmt::format("expected '{}'", text));
  }
  std::unexpected<Error> error(std::string_view message) const {
    const auto found = token().kind == TokenKind::kEnd
                           ? std::string("the end")
                           : "'" + printable(source_.substr(token().begin, token().end - token().begin), 40) + "'";
    return fail(Code::kInvalidArgument, fmt::format("{}: {}, found {}", place(source_, token().begin), message, found));
  }

  Result<NodePtr> make(Op op, std::size_t begin, std::vector<NodePtr> args = {}) {
    auto node = std::make_unique<Node>();
    node->op = op, node->begin = static_cast<std::uint32_t>(begin);
    node->end = at_ == 0 ? token().end : tokens_[at_ - 1].end;
    for (const auto& arg : args) node->depth = std::max(node->depth, arg->depth + 1);
    if (node->depth > limits::kNestingDepth) return too_deep();
    if (++nodes_ > limits::kNodes) return fail(Code::kResourceExhausted, "the expression has more parts than kNodes");
    node->args = std::move(args);
    return node;
  }
  std::unexpected<Error> too_deep() const {
    return fail(Code::kResourceExhausted, fmt::format("{}: nested deeper than {} levels (kNestingDepth)",
                                                      place(source_, token().begin), limits::kNestingDepth));
  }
  template <typename... Nodes>
  static std::vector<NodePtr> list(Nodes... nodes) {
    std::vector<NodePtr> out;
    (out.push_back(std::move(nodes)), ...);
    return out;
  }

  Result<NodePtr> expression() {
    const Level level(depth_);
    if (depth_ > limits::kNestingDepth) return too_deep();
    const auto begin = token().begin;
    REMIT_TRY(auto condition, binary(1));
    if (!take("?")) return condition;
    REMIT_TRY(auto yes, binary(1));
    REMIT_CHECK_OK(expect(":"));
    REMIT_TRY(auto no, expression());
    return make(Op::kConditional, begin, list(std::move(condition), std::move(yes), std::move(no)));
  }

  const BinaryOperator* binary_operator() const {
    if (token().kind != TokenKind::kPunctuation && !is("in")) return nullptr;
    const auto* found = std::ranges::find(kBinary, token().text, &BinaryOperator::text);
    return found == std::end(kBinary) ? nullptr : found;
  }

  Result<NodePtr> binary(int precedence) {
    const auto begin = token().begin;
    REMIT_TRY(auto left, unary());
    for (;;) {
      const auto* found = binary_operator();
      if (!found || found->precedence < precedence) return left;
      ++at_;
      REMIT_TRY(auto right, binary(found->precedence + 1));
      const bool logical = found->op == Op::kAnd || found->op == Op::kOr;
      if (logical && left->op == found->op && left->begin == begin) {
        // A chain of && or || is one flat node: its length is not nesting. One in brackets begins elsewhere and stays
        // apart.
        left->depth = std::max(left->depth, right->depth + 1), left->end = right->end;
        left->args.push_back(std::move(right));
        continue;
      }
      REMIT_TRY(left, make(found->op, begin, list(std::move(left), std::move(right))));
    }
  }

  Result<NodePtr> unary() {
    const auto begin = token().begin;
    if (!is("!") && !is("-")) return member();
    const auto sign = token().text;
    std::size_t count = 0;
    while (is(sign)) ++at_, ++count;
    const bool number = token().kind == TokenKind::kInt || token().kind == TokenKind::kDouble;
    if (sign == "-" && number) --at_, --count;  // The last sign belongs to the number.
    REMIT_TRY(auto operand, member());
    if (count % 2 == 0) return operand;
    return make(sign == "!" ? Op::kNot : Op::kNegate, begin, list(std::move(operand)));
  }

  Result<NodePtr> member() {
    const auto begin = token().begin;
    REMIT_TRY(auto node, primary());
    for (;;) {
      if (take(".")) {
        REMIT_TRY(node, select(std::move(node), begin));
      } else if (take("[")) {
        const bool optional = take("?");
        REMIT_TRY(auto index, expression());
        REMIT_CHECK_OK(expect("]"));
        REMIT_TRY(node,
                  make(optional ? Op::kOptionalIndex : Op::kIndex, begin, list(std::move(node), std::move(index))));
      } else if (is("{")) {
        return error("messages of protocol buffers are not supported");
      } else {
        return node;
      }
    }
  }

  Result<NodePtr> select(NodePtr operand, std::size_t begin) {
    const bool optional = take("?");
    const bool quoted = token().kind == TokenKind::kQuotedIdent;
    const bool keyword = std::ranges::find(kKeywords, token().text) != kKeywords.end();
    if (!quoted && (token().kind != TokenKind::kIdent || keyword)) return error("expected the name of a field");
    std::string name = token().text;
    ++at_;
    if (!optional && !quoted && is("(")) return call(std::move(name), std::move(operand), begin);
    REMIT_TRY(auto node, make(optional ? Op::kOptionalSelect : Op::kSelect, begin, list(std::move(operand))));
    node->name = std::move(name);
    return node;
  }

  Result<NodePtr> call(std::string name, NodePtr receiver, std::size_t begin) {
    REMIT_CHECK_OK(expect("("));
    std::vector<NodePtr> args;
    const bool is_member = receiver != nullptr;
    if (is_member) args.push_back(std::move(receiver));
    if (!take(")")) {
      do {
        REMIT_TRY(auto arg, expression());
        args.push_back(std::move(arg));
      } while (take(","));
      REMIT_CHECK_OK(expect(")"));
    }
    REMIT_TRY(auto node, make(Op::kCall, begin, std::move(args)));
    node->name = std::move(name), node->member = is_member;
    return node;
  }

  Result<NodePtr> primary() {
    const auto begin = token().begin;
    if (take("(")) {
      REMIT_TRY(auto node, expression());
      REMIT_CHECK_OK(expect(")"));
      return node;
    }
    if (take("[")) return list_literal(begin);
    if (take("{")) return map_literal(begin);
    if (is(".") || token().kind == TokenKind::kIdent) return identifier(begin);
    return literal(begin);
  }

  Result<NodePtr> identifier(std::size_t begin) {
    if (is("true") || is("false") || is("null")) return keyword(begin);
    const bool absolute = take(".");
    const std::string name = token().text;
    const bool reserved =
        std::ranges::find(kReserved, name) != kReserved.end() || std::ranges::find(kKeywords, name) != kKeywords.end();
    if (token().kind != TokenKind::kIdent || reserved) return error("expected a value or a name that is not reserved");
    ++at_;
    if (is("(")) return call(name, nullptr, begin);
    REMIT_TRY(auto node, make(Op::kIdent, begin));
    node->name = name, node->absolute = absolute;
    return node;
  }

  Result<NodePtr> keyword(std::size_t begin) {
    const std::string name = token().text;
    ++at_;
    REMIT_TRY(auto node, make(Op::kLiteral, begin));
    node->literal = name == "null" ? Value::null() : Value::boolean(name == "true");
    return node;
  }

  Result<NodePtr> list_literal(std::size_t begin) {
    std::vector<NodePtr> items;
    std::vector<bool> optional;
    while (!take("]")) {
      optional.push_back(take("?"));
      REMIT_TRY(auto item, expression());
      items.push_back(std::move(item));
      if (!is("]")) REMIT_CHECK_OK(expect(","));
    }
    REMIT_TRY(auto node, make(Op::kList, begin, std::move(items)));
    node->optional = std::move(optional);
    return node;
  }

  Result<NodePtr> map_literal(std::size_t begin) {
    std::vector<NodePtr> items;
    std::vector<bool> optional;
    while (!take("}")) {
      optional.push_back(take("?"));
      REMIT_TRY(auto key, expression());
      REMIT_CHECK_OK(expect(":"));
      REMIT_TRY(auto value, expression());
      items.push_back(std::move(key)), items.push_back(std::move(value));
      if (!is("}")) REMIT_CHECK_OK(expect(","));
    }
    REMIT_TRY(auto node, make(Op::kMap, begin, std::move(items)));
    node->optional = std::move(optional);
    return node;
  }

  Result<NodePtr> literal(std::size_t begin) {
    const bool negative = take("-");
    const Token found = token();
    std::optional<Value> number;
    switch (found.kind) {
      case TokenKind::kInt: number = integer(found.text, negative); break;
      case TokenKind::kUint: number = negative ? std::nullopt : unsigned_integer(found.text); break;
      case TokenKind::kDouble: number = floating(found.text, negative); break;
      case TokenKind::kString:
      case TokenKind::kBytes: return text(begin);
      default: return error("expected a value");
    }
    if (!number) return error("a number that its type cannot hold");
    ++at_;
    REMIT_TRY(auto node, make(Op::kLiteral, begin));
    node->literal = *number;
    return node;
  }

  Result<NodePtr> text(std::size_t begin) {
    const Token found = token();
    ++at_;
    REMIT_TRY(auto node, make(Op::kLiteral, begin));
    node->literal = found.kind == TokenKind::kBytes ? Value::bytes(found.text) : Value::string(found.text);
    return node;
  }

  static std::optional<std::uint64_t> magnitude(std::string_view digits) {
    const bool hex = digits.starts_with("0x") || digits.starts_with("0X");
    if (hex) digits.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value, hex ? 16 : 10);
    if (code != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return value;
  }
  static std::optional<Value> integer(std::string_view digits, bool negative) {
    const auto value = magnitude(digits);
    const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
    if (!value || *value > most) return std::nullopt;
    return Value::integer(static_cast<std::int64_t>(negative ? 0 - *value : *value));
  }
  static std::optional<Value> unsigned_integer(std::string_view digits) {
    const auto value = magnitude(digits);
    return value ? std::optional(Value::unsigned_integer(*value)) : std::nullopt;
  }
  static std::optional<Value> floating(const std::string& digits, bool negative) {
    double value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (code == std::errc::result_out_of_range) value = std::strtod(digits.c_str(), nullptr);
    if (std::isinf(value)) return std::nullopt;
    return Value::floating(negative ? -value : value);
  }

  std::string_view source_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::size_t nodes_ = 0;
};

}  // namespace

Result<NodePtr> parse(std::string_view source) {
  if (source.size() > limits::kExpressionBytes) {
    return fail(Code::kResourceExhausted, fmt::format("the expression has {} bytes, more than {} (kExpressionBytes)",
                                                      source.size(), limits::kExpressionBytes));
  }
  if (!is_valid_utf8(source)) return fail(Code::kInvalidArgument, "the expression is not valid UTF-8");
  REMIT_TRY(auto tokens, tokenize(source));
  return Parser(source, std::move(tokens)).run();
}

}  // namespace remit::policy::cel
