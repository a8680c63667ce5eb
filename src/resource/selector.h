// LabelSelector: "app=web,tier in (a, b),!legacy", as Kubernetes writes it. A plain value.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::resource {

class LabelSelector {
 public:
  LabelSelector() = default;  // Matches everything.
  // =, ==, !=, in (…), notin (…), key, !key; joined by commas. At most limits::kSelectorRequirements of them.
  static Result<LabelSelector> parse(std::string_view text);

  bool matches(const std::map<std::string, std::string>& labels) const;
  bool empty() const { return requirements_.empty(); }
  // Text that parse() makes the same selector of.
  std::string to_string() const;

 private:
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kNotExists };
  struct Requirement {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;
  };
  friend class SelectorParser;
  std::vector<Requirement> requirements_;
};

}  // namespace remit::resource
