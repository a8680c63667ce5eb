#include "policy/cel/eval.h"

#include <re2/re2.h>

#include <cmath>

#include "policy/cel/functions.h"
#include "policy/cel/regex.h"

namespace remit::policy::cel {
namespace {

Value no_such_key(const Value& key) { return Value::error("no such key: " + display(key, 64)); }
Value not_a_bool(const Value& value) {
  return Value::error(fmt::format("no such overload: expected bool, found {}", value.type_name()));
}

class Evaluator {
 public:
  Evaluator(std::span<const Value> variables, std::uint32_t slots, Meter& meter)
      : variables_(variables), locals_(slots), meter_(meter) {}

  Value visit(const Node& node) {
    if (!meter_.step()) return exhausted();
    switch (node.op) {
      case Op::kLiteral: return node.literal;
      case Op::kVariable: return variables_[node.slot];
      case Op::kLocal: return locals_[node.slot];
      case Op::kSelect: return select(node);
      case Op::kIndex: return index(node);
      case Op::kCall: return call(node);
      case Op::kAnd: return logic(node, false);
      case Op::kOr: return logic(node, true);
      case Op::kConditional: return conditional(node);
      case Op::kNot: return negation(node);
      case Op::kComprehension: return comprehension(node);
      default: return visit_rest(node);
    }
  }

 private:
  Value visit_rest(const Node& node) {
    switch (node.op) {
      case Op::kHas: return has(node);
      case Op::kOptionalSelect:
      case Op::kOptionalIndex: return optional_access(node);
      case Op::kList: return list(node);
      case Op::kMap: return map(node);
      case Op::kLet: return let(node);
      case Op::kOptionalOr:
      case Op::kOptionalOrValue: return optional_or(node);
      case Op::kOptionalMap:
      case Op::kOptionalFlatMap: return optional_map(node);
      case Op::kUndeclared: return Value::error("undeclared reference to '" + node.name + "'");
      case Op::kNegate: {
        const Value value = visit(*node.args[0]);
        return value.is_error() ? value : negate(value);
      }
      default: return binary(node);
    }
  }

  static Value exhausted() { return Value::error("a limit of the evaluation was hit"); }

  Value field(const Value& operand, const std::string& name) {
    if (operand.is_error()) return operand;
    if (operand.is(Kind::kOptional)) {
      if (!operand.optional_value()) return operand;
      return optional_field(*operand.optional_value(), Value::string_view(name));
    }
    if (!operand.is(Kind::kMap)) {
      return Value::error(fmt::format("no such overload: {} has no field '{}'", operand.type_name(), name));
    }
    const auto key = Value::string_view(name);
    auto found = operand.find(key);
    return found ? std::move(*found) : no_such_key(key);
  }

  Value select(const Node& node) { return field(visit(*node.args[0]), node.name); }

  // Container and key, to the value or to nothing; any other trouble is an error.
  Value optional_field(const Value& container, const Value& key) {
    Value found = element(container, key, true);
    if (found.is_error() || (found.is(Kind::kOptional) && !found.optional_value())) return found;
    return Value::optional_of(std::move(found));
  }

  // With `or_none` a missing element is optional.none() rather than an error.
  Value element(const Value& container, const Value& key, bool or_none) {
    if (container.is(Kind::kMap)) {
      const bool possible = key.is(Kind::kString) || key.is(Kind::kBool) || key.is_number();
      auto found = possible ? container.find(key) : std::nullopt;
      if (found) return std::move(*found);
      return or_none ? Value::optional_none() : no_such_key(key);
    }
    if (!container.is(Kind::kList) || !key.is_number()) {
      return Value::error(fmt::format("no such overload: {}[{}]", container.type_name(), key.type_name()));
    }
    if (key.is(Kind::kDouble) && (std::isnan(key.as_double()) || std::floor(key.as_double()) != key.as_double())) {
      return Value::error("invalid_argument: an index is a whole number");
    }
    const auto size = static_cast<std::int64_t>(container.size());
    const bool inside = compare_numbers(key, Value::integer(0)) != Order::kLess &&
                        compare_numbers(key, Value::integer(size)) == Order::kLess;
    if (!inside) return or_none ? Value::optional_none() : Value::error("invalid_argument: index out of bounds");
    const double number = key.is(Kind::kDouble) ? key.as_double() : 0;
    return container.at(key.is(Kind::kDouble) ? static_cast<std::size_t>(number)
                                              : static_cast<std::size_t>(key.as_uint()));
  }

  Value index(const Node& node) {
    const Value container = visit(*node.args[0]);
    if (container.is_error()) return container;
    const Value key = visit(*node.args[1]);
    if (key.is_error()) return key;
    if (container.is(Kind::kOptional)) {
      return container.optional_value() ? optional_field(*container.optional_value(), key) : container;
    }
    return element(container, key, false);
  }

  Value optional_access(const Node& node) {
    const Value container = visit(*node.args[0]);
    if (container.is_error()) return container;
    const Value key = node.op == Op::kOptionalSelect ? Value::string_view(node.name) : visit(*node.args[1]);
    if (key.is_error()) return key;
    if (!container.is(Kind::kOptional)) return optional_field(container, key);
    return container.optional_value() ? optional_field(*container.optional_value(), key) : container;
  }

  Value has(const Node& node) {
    Value operand = visit(*node.args[0]);
    if (operand.is_error()) return operand;
    if (operand.is(Kind::kOptional)) {
      if (!operand.optional_value()) return Value::boolean(false);
      operand = Value(*operand.optional_value());
    }
    if (!operand.is(Kind::kMap)) {
      return Value::error(fmt::format("no such overload: {} has no field '{}'", operand.type_name(), node.name));
    }
    return Value::boolean(operand.find(Value::string_view(node.name)).has_value());
  }

  Value call(const Node& node) {
    // Most functions take at most three arguments; a small array keeps them off the heap.
    std::array<Value, 3> small;
    std::vector<Value> large;
    std::span<Value> arguments = std::span(small).first(std::min(node.args.size(), small.size()));
    if (node.args.size() > small.size()) large.resize(node.args.size()), arguments = large;
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      arguments[i] = visit(*node.args[i]);
      if (arguments[i].is_error()) return arguments[i];
    }
    if (node.regex && arguments[0].is(Kind::kString)) return matches(*node.regex, arguments[0].text());
    return node.function(arguments, meter_);
  }

  Value matches(const re2::RE2& regex, std::string_view text) {
    if (!meter_.step(1 + text.size() / 64)) return exhausted();
    return Value::boolean(re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex));
  }

  // The operand that decides (false for &&, true for ||) wins over errors beside it, whatever their order.
  Value logic(const Node& node, bool decisive) {
    Value first_error;
    for (const auto& arg : node.args) {
      Value value = visit(*arg);
      if (value.is(Kind::kBool)) {
        if (value.as_bool() == decisive) return value;
      } else if (!first_error.is_error()) {
        first_error = value.is_error() ? std::move(value) : not_a_bool(value);
      }
    }
    if (meter_.is_exhausted()) return exhausted();
    return first_error.is_error() ? first_error : Value::boolean(!decisive);
  }

  Value conditional(const Node& node) {
    const Value condition = visit(*node.args[0]);
    if (condition.is_error()) return condition;
    if (!condition.is(Kind::kBool)) return not_a_bool(condition);
    return visit(*node.args[condition.as_bool() ? 1 : 2]);
  }

  Value negation(const Node& node) {
    const Value value = visit(*node.args[0]);
    if (value.is_error()) return value;
    return value.is(Kind::kBool) ? Value::boolean(!value.as_bool()) : not_a_bool(value);
  }

  Value binary(const Node& node) {
    const Value left = visit(*node.args[0]);
    if (left.is_error()) return left;
    const Value right = visit(*node.args[1]);
    if (right.is_error()) return right;
    switch (node.op) {
      case Op::kEqual: return Value::boolean(equal(left, right, meter_));
      case Op::kNotEqual: return Value::boolean(!equal(left, right, meter_));
      case Op::kIn: return in(left, right);
      case Op::kLess:
      case Op::kLessEqual:
      case Op::kGreater:
      case Op::kGreaterEqual: return relation(node.op, left, right);
      default: return arithmetic(node.op, left, right, meter_);
    }
  }

  static Value relation(Op op, const Value& left, const Value& right) {
    const Order order = compare(left, right);
    if (order == Order::kIncomparable) {
      return Value::error(
          fmt::format("no such overload: {} and {} have no order", left.type_name(), right.type_name()));
    }
    // An Allow rule must not rest on a comparison that means nothing.
    if (order == Order::kUnordered) return Value::error("NaN values cannot be ordered");
    switch (op) {
      case Op::kLess: return Value::boolean(order == Order::kLess);
      case Op::kLessEqual: return Value::boolean(order == Order::kLess || order == Order::kEqual);
      case Op::kGreater: return Value::boolean(order == Order::kGreater);
      default: return Value::boolean(order == Order::kGreater || order == Order::kEqual);
    }
  }

  Value in(const Value& item, const Value& container) {
    if (container.is(Kind::kMap)) {
      const bool possible = item.is(Kind::kString) || item.is(Kind::kBool) || item.is_number();
      return Value::boolean(possible && container.find(item).has_value());
    }
    if (!container.is(Kind::kList)) return Value::error(fmt::format("no such overload: in {}", container.type_name()));
    for (std::size_t i = 0; i < container.size(); ++i) {
      if (equal(item, container.at(i), meter_)) return Value::boolean(true);
    }
    return Value::boolean(false);
  }

  // The value of an element written with '?': nothing, a value, or an error.
  static Value unwrap(const Value& value, bool& present) {
    present = true;
    if (!value.is(Kind::kOptional)) return Value::error("no such overload: '?' takes an optional value");
    if (!value.optional_value()) return present = false, Value();
    return *value.optional_value();
  }

  Value list(const Node& node) {
    std::vector<Value> items;
    items.reserve(node.args.size());
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      Value value = visit(*node.args[i]);
      bool present = true;
      if (!value.is_error() && node.optional[i]) value = unwrap(value, present);
      if (value.is_error()) return value;
      if (present) items.push_back(std::move(value));
    }
    if (!meter_.make(items.size() * sizeof(Value))) return exhausted();
    return Value::list(std::move(items));
  }

  Value insert(Map& map, Value key, Value value) {
    if (!meter_.make(2 * sizeof(Value))) return exhausted();
    const bool allowed = key.is(Kind::kString) || key.is(Kind::kBool) || key.is(Kind::kInt) || key.is(Kind::kUint);
    if (!allowed) return Value::error(fmt::format("unsupported key type: {}", key.type_name()));
    if (map.find(key)) return Value::error("Failed with repeated key: " + display(key, 64));
    map.insert(std::move(key), std::move(value));
    return Value();
  }

  Value map(const Node& node) {
    auto out = std::make_shared<Map>();
    for (std::size_t i = 0; i < node.args.size(); i += 2) {
      Value key = visit(*node.args[i]);
      if (key.is_error()) return key;
      Value value = visit(*node.args[i + 1]);
      bool present = true;
      if (!value.is_error() && node.optional[i / 2]) value = unwrap(value, present);
      if (value.is_error()) return value;
      if (!present) continue;
      Value status = insert(*out, std::move(key), std::move(value));
      if (status.is_error()) return status;
    }
    return Value::map(std::move(out));
  }

  Value let(const Node& node) {
    locals_[node.slot] = visit(*node.args[0]);  // An error is kept: it counts where the name is used.
    return visit(*node.args[1]);
  }

  Value optional_or(const Node& node) {
    const Value value = visit(*node.args[0]);
    if (value.is_error()) return value;
    if (!value.is(Kind::kOptional))
      return Value::error(fmt::format("no such overload: {}.{}()", value.type_name(), node.name));
    const bool unwraps = node.op == Op::kOptionalOrValue;
    if (value.optional_value()) return unwraps ? *value.optional_value() : value;
    Value other = visit(*node.args[1]);
    if (other.is_error() || unwraps || other.is(Kind::kOptional)) return other;
    return Value::error("no such overload: or() takes an optional value");
  }

  Value optional_map(const Node& node) {
    const Value value = visit(*node.args[0]);
    if (value.is_error() || (value.is(Kind::kOptional) && !value.optional_value())) return value;
    if (!value.is(Kind::kOptional))
      return Value::error(fmt::format("no such overload: {}.{}()", value.type_name(), node.name));
    locals_[node.slot] = *value.optional_value();
    Value mapped = visit(*node.args[1]);
    if (mapped.is_error()) return mapped;
    if (node.op == Op::kOptionalMap) return Value::optional_of(std::move(mapped));
    return mapped.is(Kind::kOptional) ? mapped : Value::error("no such overload: optFlatMap takes an optional value");
  }

  // What a fold has gathered so far.
  struct Gathered {
    std::vector<Value> items;
    std::shared_ptr<Map> entries = std::make_shared<Map>();
    Value error;  // The first error that another element may still absorb.
    std::int64_t count = 0;
  };

  Value comprehension(const Node& node) {
    const Value range = visit(*node.args[0]);
    if (range.is_error()) return range;
    if (!range.is(Kind::kList) && !range.is(Kind::kMap)) {
      return Value::error(
          fmt::format("no such overload: a macro ranges over a list or a map, not {}", range.type_name()));
    }
    Gathered gathered;
    for (std::size_t i = 0; i < range.size(); ++i) {
      if (!meter_.step()) return exhausted();
      bind_element(node, range, i);
      std::optional<Value> ended = fold(node, gathered);
      if (ended) return *ended;
    }
    return finish(node, gathered);
  }

  void bind_element(const Node& node, const Value& range, std::size_t i) {
    if (range.is(Kind::kList)) {
      if (node.two_variables) {
        locals_[node.slot] = Value::integer(static_cast<std::int64_t>(i));
        locals_[node.second_slot] = range.at(i);
      } else {
        locals_[node.slot] = range.at(i);
      }
      return;
    }
    auto [key, value] = range.entry(i);
    locals_[node.slot] = std::move(key);
    if (node.two_variables) locals_[node.second_slot] = std::move(value);
  }

  // One element. A value ends the fold.
  std::optional<Value> fold(const Node& node, Gathered& gathered) {
    const Node* predicate = node.args[1].get();
    const Value element = locals_[node.slot];
    if (predicate) {
      Value verdict = visit(*predicate);
      if (!verdict.is(Kind::kBool)) {
        if (!verdict.is_error()) verdict = not_a_bool(verdict);
        if (node.fold != Fold::kAll && node.fold != Fold::kExists) return verdict;
        if (!gathered.error.is_error()) gathered.error = std::move(verdict);
        return std::nullopt;
      }
      if (node.fold == Fold::kAll || node.fold == Fold::kExists) {
        const bool decisive = node.fold == Fold::kExists;
        return verdict.as_bool() == decisive ? std::optional(verdict) : std::nullopt;
      }
      if (!verdict.as_bool()) return std::nullopt;
    }
    return gather(node, element, gathered);
  }

  std::optional<Value> gather(const Node& node, const Value& element, Gathered& gathered) {
    if (node.fold == Fold::kExistsOne) {
      ++gathered.count;
      return std::nullopt;
    }
    if (node.fold == Fold::kFilter) return append(element, gathered);
    Value made = visit(*node.args[2]);
    if (made.is_error()) return made;
    if (node.fold == Fold::kMap || node.fold == Fold::kTransformList) return append(std::move(made), gathered);
    if (node.fold == Fold::kTransformMap) return put(element, std::move(made), gathered);
    if (!made.is(Kind::kMap)) return Value::error("no such overload: transformMapEntry makes a map");
    for (std::size_t i = 0; i < made.size(); ++i) {
      auto [key, value] = made.entry(i);
      if (auto ended = put(std::move(key), std::move(value), gathered)) return ended;
    }
    return std::nullopt;
  }

  std::optional<Value> append(Value value, Gathered& gathered) {
    if (!meter_.make(sizeof(Value))) return exhausted();
    gathered.items.push_back(std::move(value));
    return std::nullopt;
  }
  std::optional<Value> put(Value key, Value value, Gathered& gathered) {
    Value status = insert(*gathered.entries, std::move(key), std::move(value));
    return status.is_error() ? std::optional(status) : std::nullopt;
  }

  static Value finish(const Node& node, Gathered& gathered) {
    if (gathered.error.is_error()) return gathered.error;
    switch (node.fold) {
      case Fold::kAll: return Value::boolean(true);
      case Fold::kExists: return Value::boolean(false);
      case Fold::kExistsOne: return Value::boolean(gathered.count == 1);
      case Fold::kFilter:
      case Fold::kMap:
      case Fold::kTransformList: return Value::list(std::move(gathered.items));
      default: return Value::map(std::move(gathered.entries));
    }
  }

  std::span<const Value> variables_;
  std::vector<Value> locals_;
  Meter& meter_;
};

}  // namespace

Value evaluate(const Node& root, std::span<const Value> variables, std::uint32_t slots, Meter& meter) {
  return Evaluator(variables, slots, meter).visit(root);
}

}  // namespace remit::policy::cel
