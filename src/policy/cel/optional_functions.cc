// Optional values: optional.of, none, hasValue, value. or() and orValue() are lazy and live in the evaluator.
#include "policy/cel/functions.h"

namespace remit::policy::cel {

using Arguments = std::span<const Value>;

static Value of(Arguments a, Meter&) { return Value::optional_of(a[0]); }
static Value none(Arguments, Meter&) { return Value::optional_none(); }
static Value of_non_zero(Arguments a, Meter&) {
  return a[0].is_zero() ? Value::optional_none() : Value::optional_of(a[0]);
}

static Value has_value(Arguments a, Meter&) {
  if (!a[0].is(Kind::kOptional)) return no_overload("hasValue", a);
  return Value::boolean(a[0].optional_value() != nullptr);
}
static Value value(Arguments a, Meter&) {
  if (!a[0].is(Kind::kOptional)) return no_overload("value", a);
  return a[0].optional_value() ? *a[0].optional_value() : Value::error("optional.none() dereference");
}
static Value unwrap(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kList)) return no_overload("unwrap", a);
  std::vector<Value> items;
  for (std::size_t i = 0; i < a[0].size(); ++i) {
    const Value item = a[0].at(i);
    if (!item.is(Kind::kOptional)) return no_overload("unwrap", a);
    if (!meter.make(sizeof(Value))) return Value::error("a limit of the evaluation was hit");
    if (item.optional_value()) items.push_back(*item.optional_value());
  }
  return Value::list(std::move(items));
}
static Value edge(Arguments a, bool first) {
  if (!a[0].is(Kind::kList)) return no_overload(first ? "first" : "last", a);
  if (a[0].size() == 0) return Value::optional_none();
  return Value::optional_of(a[0].at(first ? 0 : a[0].size() - 1));
}
static Value first(Arguments a, Meter&) { return edge(a, true); }
static Value last(Arguments a, Meter&) { return edge(a, false); }

static constexpr FunctionEntry kTable[] = {
    {"optional.of", false, 1, 1, of},
    {"optional.none", false, 0, 0, none},
    {"optional.ofNonZeroValue", false, 1, 1, of_non_zero},
    {"optional.unwrap", false, 1, 1, unwrap},
    {"unwrapOpt", true, 1, 1, unwrap},
    {"hasValue", true, 1, 1, has_value},
    {"value", true, 1, 1, value},
    {"first", true, 1, 1, first},
    {"last", true, 1, 1, last},
};

std::span<const FunctionEntry> optional_functions() { return kTable; }

}  // namespace remit::policy::cel
