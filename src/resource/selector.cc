#include "resource/selector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "resource/limits.h"
#include "resource/schema/schema.h"

namespace remit::resource {

// Takes a selector apart from left to right.
class SelectorParser {
 public:
  explicit SelectorParser(std::string_view text) : whole_(text), rest_(trim(text)) {}

  Result<LabelSelector> parse() {
    LabelSelector out;
    while (!rest_.empty()) {
      if (out.requirements_.size() >= limits::kSelectorRequirements) {
        return fail(Code::kResourceExhausted,
                    fmt::format("a label selector has at most {} requirements", limits::kSelectorRequirements));
      }
      REMIT_TRY(auto requirement, parse_requirement());
      out.requirements_.push_back(std::move(requirement));
      rest_ = trim(rest_);
      if (rest_.empty()) break;
      if (!take(",") || trim(rest_).empty()) return bad("expected ',' and another requirement");
    }
    return out;
  }

 private:
  using Operator = LabelSelector::Operator;
  using Requirement = LabelSelector::Requirement;

  std::unexpected<Error> bad(std::string_view why) const {
    return fail(invalid_argument(fmt::format("label selector '{}': {}; write it like app=web,tier in (a, b),!old",
                                             printable(whole_, 200), why)));
  }

  bool take(std::string_view token) {
    rest_ = trim(rest_);
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }

  std::string_view word() {
    rest_ = trim(rest_);
    const auto text = rest_.substr(0, rest_.find_first_of(" \t\r\n=!,()"));
    rest_.remove_prefix(text.size());
    return text;
  }

  Result<Requirement> parse_requirement() {
    Requirement out;
    const bool negated = take("!");
    out.key = word();
    if (!matches_format(Format::kLabelKey, out.key))
      return bad(fmt::format("'{}' is not a label's key", printable(out.key, 60)));
    out.op = negated ? Operator::kNotExists : Operator::kExists;
    rest_ = trim(rest_);
    if (negated || rest_.empty() || rest_.front() == ',') return out;
    if (take("!=")) return parse_values(std::move(out), Operator::kNotIn, false);
    if (take("==") || take("=")) return parse_values(std::move(out), Operator::kIn, false);
    const auto op = word();
    if (op == "in") return parse_values(std::move(out), Operator::kIn, true);
    if (op == "notin") return parse_values(std::move(out), Operator::kNotIn, true);
    return bad("expected =, !=, in or notin");
  }

  Result<Requirement> parse_values(Requirement out, Operator op, bool set) {
    out.op = op;
    if (set && !take("(")) return bad("expected '('");
    do {
      if (out.values.size() >= limits::kListItems) return bad("too many values");
      out.values.emplace_back(word());
      if (!matches_format(Format::kLabelValue, out.values.back())) {
        return bad(fmt::format("'{}' is not a label's value", printable(out.values.back(), 60)));
      }
    } while (set && take(","));
    if (set && !take(")")) return bad("expected ')'");
    return out;
  }

  std::string_view whole_;
  std::string_view rest_;
};

Result<LabelSelector> LabelSelector::parse(std::string_view text) { return SelectorParser(text).parse(); }

bool LabelSelector::matches(const std::map<std::string, std::string>& labels) const {
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    const auto found = labels.find(requirement.key);
    const bool has = found != labels.end();
    const bool in = has && std::ranges::find(requirement.values, found->second) != requirement.values.end();
    switch (requirement.op) {
      case Operator::kIn: return in;
      case Operator::kNotIn: return !in;  // As in Kubernetes: an absent label is not in the set.
      case Operator::kExists: return has;
      case Operator::kNotExists: return !has;
    }
    return false;
  });
}

std::string LabelSelector::to_string() const {
  std::string out;
  for (const auto& requirement : requirements_) {
    if (!out.empty()) out += ',';
    if (requirement.op == Operator::kNotExists) out += '!';
    out += requirement.key;
    if (requirement.op == Operator::kIn || requirement.op == Operator::kNotIn) {
      out += fmt::format(" {} ({})", requirement.op == Operator::kIn ? "in" : "notin", join(requirement.values, ","));
    }
  }
  return out;
}

}  // namespace remit::resource
