// Conversation: the messages of the built-in agent, and how they are rebuilt from a run's log after a crash. A value;
// no I/O.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model.h"
#include "core/run_record.h"

namespace remit::agent {

// A request's messages are trimmed to about this much text by shortening the oldest tool results; what was said stays.
inline constexpr std::size_t kContextBytes = 600u << 10;
inline constexpr std::size_t kKeptToolMessages = 8;  // The newest ones are never trimmed.

class Conversation {
 public:
  Conversation(std::string system_prompt, std::string goal);

  void add_answer(Message answer) { messages_.push_back(std::move(answer)); }
  void add_tool_result(const ToolUse& use, std::string text, bool is_error);
  void add_user(std::string text);

  const std::vector<Message>& messages() const { return messages_; }
  // What is sent: the messages, trimmed. The same conversation always gives the same result.
  std::vector<Message> trimmed() const;

 private:
  std::vector<Message> messages_;
};

// What a log tells about the built-in agent's calls, for resuming.
class RestoredCalls {
 public:
  // Feed every record in order.
  void add(const RunRecord& record);

  struct Answer {
    std::uint64_t call = 0;
    ModelResponse response;
    bool last_turn = false;  // The one that hands back what there is.
  };
  // Answers of the model, oldest first.
  std::vector<Answer> answers() const;
  struct ToolResult {
    Action action;
    std::string text;
    bool is_error = false;
    bool repeat = false;  // Interrupted before it had an effect: do it again.
  };
  // Of the tool call that the model's answer in call `answer` proposed; nullopt when it never came that far. Some
  // models give ids that repeat from turn to turn, or none: then the action's hash tells.
  std::optional<ToolResult> tool_result(std::uint64_t answer, const std::string& tool_use_id,
                                        const std::string& action_hash) const;

 private:
  struct Entry {
    Action action;
    std::optional<Verdict> verdict;
    std::optional<Outcome> outcome;
  };
  static bool is_answer(const Entry& entry);
  std::map<std::uint64_t, Entry> calls_;  // By call number.
};

// What the agent is given of a tool call's outcome.
std::string result_text(const Outcome& outcome);

// The member of a model call's arguments that marks the last turn.
inline constexpr std::string_view kLastTurn = "lastTurn";

// Marks an outcome as interrupted by a crash. `repeat`: nothing of its effect has remained.
void mark_interrupted(Outcome& outcome, bool repeat);
bool is_interrupted(const Outcome& outcome);

}  // namespace remit::agent
