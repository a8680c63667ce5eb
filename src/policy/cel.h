// Conditions in CEL, the Common Expression Language (cel-spec v0.25; language definition, standard functions, macros,
// and the extensions strings, math, encoders, bindings and optional types). Written by us; protocol buffers are left
// out.
//
// A Program is compiled once and evaluated without parsing. It is immutable: any thread may evaluate it. Variables are
// JSON trees that the caller keeps alive during the call; they are read in place, nothing is copied. Numbers of JSON
// that are integers are `int` (or `uint` above the range of `int`), others `double`. An expression whose value is an
// error gives kInvalidArgument; one that passes a limit kResourceExhausted, which names the limit.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace remit::policy::cel {

namespace limits {
inline constexpr std::size_t kExpressionBytes = 16u << 10;
inline constexpr std::size_t kNestingDepth = 100;  // Of brackets, operators and macros in the source.
inline constexpr std::size_t kNodes = 20'000;      // Of the tree after macros are expanded.
inline constexpr std::uint64_t kSteps = 200'000;   // Nodes visited and items touched by one evaluation.
inline constexpr std::size_t kValueBytes =
    1u << 20;                                     // Strings, bytes, lists and maps that one evaluation makes, together.
inline constexpr std::size_t kRegexBytes = 1024;  // A pattern given to matches().
inline constexpr std::int64_t kRegexMemoryBytes = 1 << 20;  // Of one compiled pattern (RE2).
}  // namespace limits

// What a variable is known to be. `members` empty: anything may be below it.
struct Variable {
  std::string name;
  std::vector<std::string> members;
};

// The values of one evaluation. Names and values are views: all must outlive the evaluation.
class Bindings {
 public:
  struct Entry {
    std::string_view name;
    const json::value* value = nullptr;  // One of these two, else `text`.
    const json::object* object = nullptr;
    std::string_view text;
  };
  void bind(std::string_view name, const json::value& value) { entries_.push_back({name, &value, nullptr, {}}); }
  void bind(std::string_view name, const json::object& object) { entries_.push_back({name, nullptr, &object, {}}); }
  void bind_text(std::string_view name, std::string_view text) { entries_.push_back({name, nullptr, nullptr, text}); }
  const Entry* find(std::string_view name) const {
    for (const auto& entry : entries_) {
      if (entry.name == name) return &entry;
    }
    return nullptr;
  }

 private:
  std::vector<Entry> entries_;
};

struct ProgramImpl;

class Program {
 public:
  // Fails with the place in the text: "column 7: expected ')' …".
  static Result<Program> compile(std::string_view text, const std::vector<Variable>& variables);

  // True or false; any other value is an error, for a condition must decide.
  Result<bool> test(const Bindings& bindings) const;
  // The value as JSON: bytes as base64, timestamps and durations as text, an int beyond 2^53 stays an integer.
  Result<json::value> evaluate(const Bindings& bindings) const;
  // Why test() did not say true, for people: each part of the top-level `&&` or `||` that failed with the values it
  // read: "args.timeout_s <= 60 is false (args.timeout_s = 120)".
  std::string explain(const Bindings& bindings) const;

  const std::string& text() const;
  // References to variables or members that do not exist: such a condition can never hold.
  const std::vector<std::string>& warnings() const;
  // True when the expression reads this variable.
  bool reads(std::string_view variable) const;

 private:
  explicit Program(std::shared_ptr<const ProgramImpl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const ProgramImpl> impl_;
};

}  // namespace remit::policy::cel
