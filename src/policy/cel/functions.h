// The functions of CEL by name: the standard ones and the extensions strings, math, encoders and optional types.
#pragma once

#include <string_view>

#include "policy/cel/ast.h"

namespace remit::policy::cel {

struct FunctionEntry {
  std::string_view name;  // "size", "math.greatest"
  bool member = false;    // Called on a receiver, which is the first argument.
  std::size_t min_arguments = 1;
  std::size_t max_arguments = 1;
  Function function = nullptr;
};

// Null when there is no function of that name, form and number of arguments.
const FunctionEntry* find_function(std::string_view name, bool member, std::size_t arguments);
// The name of any form, for "did you mean".
std::vector<std::string_view> function_names();

std::span<const FunctionEntry> standard_functions();
std::span<const FunctionEntry> string_functions();
std::span<const FunctionEntry> time_functions();
std::span<const FunctionEntry> math_functions();
std::span<const FunctionEntry> optional_functions();

Value no_overload(std::string_view function, std::span<const Value> arguments);
Value arithmetic(Op op, const Value& a, const Value& b, Meter& meter);
Value negate(const Value& value);
std::string format_double(double value);        // Shortest; from 1e6 on and below 1e-4 with an exponent.
std::string format_double_fixed(double value);  // Shortest without an exponent.
std::size_t count_characters(std::string_view utf8);
Value format_text(std::string_view format, const Value& arguments, Meter& meter);  // strings.format

}  // namespace remit::policy::cel
