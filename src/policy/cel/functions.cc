#include "policy/cel/functions.h"

#include <algorithm>

namespace remit::policy::cel {

static auto tables() {
  return std::array{standard_functions(), string_functions(), time_functions(), math_functions(), optional_functions()};
}

const FunctionEntry* find_function(std::string_view name, bool member, std::size_t arguments) {
  for (const auto table : tables()) {
    for (const auto& entry : table) {
      const bool fits = arguments >= entry.min_arguments && arguments <= entry.max_arguments;
      if (entry.name == name && entry.member == member && fits) return &entry;
    }
  }
  return nullptr;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names = {"has", "all", "exists", "exists_one", "filter", "map"};
  for (const auto table : tables()) {
    for (const auto& entry : table) names.push_back(entry.name);
  }
  return names;
}

Value no_overload(std::string_view function, std::span<const Value> arguments) {
  std::string types;
  for (const auto& argument : arguments) {
    if (!types.empty()) types += ", ";
    types += argument.type_name();
  }
  return Value::error(fmt::format("no such overload: {}({})", function, types));
}

}  // namespace remit::policy::cel
