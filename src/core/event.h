// Event: what a running call yields. Every call ends with exactly one Done, also after cancel().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/model.h"
#include "core/usage.h"

namespace remit {

// Text of the model or output of a command, as it comes.
struct Chunk {
  enum class Stream : std::uint8_t { kText, kReasoning, kStdout, kStderr };
  Stream stream = Stream::kText;
  std::string bytes;
};

struct Progress {
  std::string message;
};

// The provider's running count; each replaces the one before.
struct UsageReport {
  Usage usage;
};

// One whole tool call that a model proposes inside its stream.
struct ProposedAction {
  ToolUse use;
};

struct NeedInput {
  std::string prompt;
};

// One file that a call changed in the workspace.
struct FileChange {
  enum class Kind : std::uint8_t { kAdded, kModified, kDeleted };
  std::string path;  // Relative to the workspace, normalised.
  Kind kind = Kind::kModified;
  std::int64_t size = 0;
  bool permitted = true;
  std::string reason;  // Why it was dropped, when it was.
};

// What a sandbox did for a call. Times in microseconds.
struct SandboxReport {
  std::string tier;
  std::int64_t create_us = 0;
  std::int64_t run_us = 0;
  std::string ended_by;  // exit, signal, oom, timeout, pids, quota, policy, infrastructure
  int exit_code = 0;
};

struct Outcome {
  bool ok = false;
  std::string text;  // What the agent gets back: output, answer or explained error. At most limits::kToolOutputBytes.
  std::optional<Error> error;             // Set when !ok.
  json::object structured;                // Optional machine-readable result (MCP structuredContent).
  std::optional<ModelResponse> response;  // Model calls only.
  Usage usage;
  bool usage_known = true;
  std::optional<SandboxReport> sandbox;
  std::vector<FileChange> changes;
  // Bytes of output that were cut off to stay within limits.
  std::int64_t truncated_bytes = 0;
};

struct Done {
  Outcome outcome;
};

using Event = std::variant<Chunk, Progress, UsageReport, ProposedAction, NeedInput, Done>;

json::object to_json_object(const Outcome& outcome);
Result<Outcome> outcome_from_json(const json::object& object);
json::object to_json_object(const FileChange& change);
std::string_view to_string(FileChange::Kind kind);  // "added", "modified", "deleted"

}  // namespace remit
