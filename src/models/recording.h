// Recording: the model's turns of a run as a file, so that the run can be played again without a model: in CI, in the
// demo, after a crash.
//
// Format: JSON Lines, UTF-8. Line 1 is the header, each other line a turn; empty lines and lines that begin with "#"
// are ignored.
//
//   {"format": "remit.dev/model-recording", "version": 1, "made": "written by hand", "model": "some-model",
//    "pricesMicroUSDPerMillionTokens": {"input": 3000000, "cachedInput": 300000, "cacheWrite": 3750000, "output":
//    15000000, "reasoning": 15000000}, "volatile": [{"class": "ToolResults", "tools": ["shell_run"]}, {"pattern":
//    "20[0-9]{2}-[0-9]{2}-[0-9]{2}", "as": "<date>"}]}
//   {"conversation": "main", "setup": {…}, "new": [{"role": "system", "text": "…"}, {"role": "user", "text": "…"}],
//    "answer": {"text": "I look first.", "toolUses": [{"name": "files_list", "arguments": {"path": "data"}}], "usage":
//    {"input": 900, "output": 40}}}
//
// A turn:
//   conversation  several in one run (helpers, sub-agents) have different names; "main" when absent
//   after         the turn this one continues: absent: the one before it in the same conversation; "start": none;
//   "main.3": the third turn of main setup         model, tools (name and hash) and options of the request; absent: as
//   in the turn it continues new           the messages that the request holds beyond those of the turn it continues
//   and its answer; absent: not known yet, see refresh answer        text, reasoning, toolUses [{id, name, arguments}]
//   (arguments: an object, or text exactly as the model wrote it), stop
//                 (end, tool_use, length, refused, other; by default what toolUses says), usage {input, cachedInput,
//                 cacheWrite, output, reasoning}, usageEstimated, model, extra. Tool uses without an id get one made of
//                 the turn's name.
//
// Requests are compared in a canonical form (canonical_request.h), with the declared volatile parts masked on both
// sides; volatile classes are ToolResults (optionally of some tools), System, User, Tools (their descriptions and
// schemas), Options (limits and parameters) and Model. A recording by hand is completed by refreshing it: a run in
// refresh mode takes the answers as they stand and notes the requests that it sees.
//
// Not safe for use from several threads at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "core/model.h"
#include "models/canonical_request.h"
#include "models/limits.h"
#include "models/provider.h"

namespace remit::models {

inline constexpr std::string_view kRecordingFormat = "remit.dev/model-recording";
inline constexpr std::int64_t kRecordingVersion = 1;

struct RecordingHeader {
  std::string made;  // "written by hand", "recorded from provider default (OpenAI) on 2026-11-24T01:02:03Z"
  std::string model;
  std::optional<ModelPrices> prices;
  std::vector<Volatile> volatiles;
  std::string comments;  // Lines that began with "#" before the header, kept when the file is written again.
};

struct RecordedAnswer {
  ModelResponse response;
  bool has_usage = false;  // False in a recording by hand that leaves the usage to refresh.
  bool usage_estimated = false;
  bool explicit_stop = false;
};

struct RecordedTurn {
  std::string conversation = "main";
  std::optional<std::string> after;  // As written; nullopt: the turn before it in its conversation.
  std::optional<json::object> setup;
  std::optional<std::vector<json::object>> new_messages;  // Canonical and masked; nullopt: not known yet.
  RecordedAnswer answer;
  int line = 0;          // In the file it came from, from 1; 0 for none.
  std::string name;      // "main.3"; given by Recording.
  int continues = -1;    // Index of the turn it continues, -1 for none; given by Recording.
  std::string comments;  // Lines that began with "#" before this one.
};

class Recording {
 public:
  explicit Recording(RecordingHeader header) : header_(std::move(header)) {}

  // `source` is the file's name for error messages: "model.rec:4: …". A newer version is refused.
  static Result<Recording> parse(std::string_view text, std::string source);
  static Result<Recording> load(const std::string& path);
  std::string to_text() const;
  Result<> save(const std::string& path) const;  // Atomically.

  const RecordingHeader& header() const { return header_; }
  const std::vector<RecordedTurn>& turns() const { return turns_; }
  const std::string& source() const { return source_; }
  // The first turn that does not know its request; nullopt when every one does.
  std::optional<std::size_t> first_incomplete() const;

  // Names the turn, finds what it continues, and gives its tool uses ids. Fails beyond limits::kRecordingTurns or for
  // an unknown `after`.
  Result<> append(RecordedTurn turn);
  // The index of the turn with this name ("main.3").
  std::optional<std::size_t> find(std::string_view name) const;
  // Replaces the request part of turn `index`.
  void set_request(std::size_t index, std::optional<json::object> setup, std::vector<json::object> new_messages);
  // Makes turn `index` one that continues none: its conversation was cut short by the agent.
  void restart(std::size_t index);
  void set_usage_estimate(std::size_t index, const Usage& usage);
  // The setup that holds at a turn: its own or the nearest one before it. nullptr when none is known.
  const json::object* setup_of(std::size_t index) const;

 private:
  RecordingHeader header_;
  std::vector<RecordedTurn> turns_;
  std::string source_;
  std::string final_comments_;
  std::map<std::string, std::vector<std::size_t>> conversations_;
};

}  // namespace remit::models
