// Catalogue: the tools of one mission, and the one place where a model's or an MCP client's tool call becomes an
// Action. Immutable once filled; any thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "core/action.h"
#include "core/model.h"

namespace remit::mesh {

inline constexpr std::size_t kMaxTools = 1024;
inline constexpr std::size_t kMaxArgumentBytes = 8u << 20;  // JSON text of one call.
inline constexpr std::size_t kMaxWhyBytes = 2048;           // Of the justification; the rest is cut.

struct Tool {
  std::string name;         // What rules match: "files.read".
  std::string description;  // For the model.
  json::object input_schema;
  Effect effect = Effect::kWrite;
  bool idempotent = false;
  Duration timeout = std::chrono::minutes(5);
  ActionKind kind = ActionKind::kToolCall;
};

// "files.read" → "files_read": dots are not legal in the function names that models take.
std::string model_name(std::string_view tool);

class Catalogue {
 public:
  // The normal form of a workspace path, or why there is none. Rules see nothing else.
  using PathNormaliser = std::function<Result<std::string>(std::string_view)>;

  explicit Catalogue(PathNormaliser normalise_path) : normalise_path_(std::move(normalise_path)) {}

  // kAlreadyExists for a name that is taken (also as a model name), kResourceExhausted beyond kMaxTools.
  Result<> add(Tool tool);
  // By name or model name; null when there is none.
  const Tool* find(std::string_view name) const;
  const std::map<std::string, Tool, std::less<>>& tools() const { return tools_; }

  // As a model is shown them; every tool takes an optional "why" besides its own arguments. With `shown`, only the
  // tools it is true for: the others can still be called, and are then judged like any action.
  std::vector<ToolSpec> specs(const std::function<bool(std::string_view tool)>& shown = nullptr) const;
  ToolSpec spec(const Tool& tool) const;

  // A call as it came over the wire → an Action with checked, normalised arguments, its effect and its resource. A
  // fault in the arguments is kInvalidArgument and says what to send instead; an unknown tool is kNotFound and names
  // the nearest.
  Result<Action> decode(std::string_view name, std::string_view arguments, std::string channel) const;
  Result<Action> decode(std::string_view name, json::object arguments, std::string channel) const;

 private:
  Result<> normalise(Action& action) const;

  PathNormaliser normalise_path_;
  std::map<std::string, Tool, std::less<>> tools_;
  std::map<std::string, std::string, std::less<>> by_model_name_;
};

// The tools that come with Remit: files.list, files.read, files.write, shell.run, http.request.
std::vector<Tool> built_in_tools();

}  // namespace remit::mesh
