// Conversation: the messages of the built-in agent, and how they are rebuilt from a run's log after a crash. A value; no I/O.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/model.h"
#include "core/run_record.h"

namespace remit::agent {

// A request's messages are trimmed to about this much text: the oldest tool results go first, then the oldest turns' prose stays.
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

  // Answers of the model, oldest first.
  std::vector<ModelResponse> answers() const;
  struct ToolResult {
    Action action;
    std::string text;
    bool is_error = false;
    bool repeat = false;  // Interrupted before it had an effect: do it again.
  };
  // By the model's id of the tool call; nullopt when it never came that far.
  std::optional<ToolResult> tool_result(const std::string& tool_use_id) const;

 private:
  struct Entry {
    Action action;
    std::optional<Verdict> verdict;
    std::optional<Outcome> outcome;
  };
  std::map<std::uint64_t, Entry> calls_;  // By call number.
};

// Marks an outcome as interrupted by a crash. `repeat`: nothing of its effect has remained.
void mark_interrupted(Outcome& outcome, bool repeat);
bool is_interrupted(const Outcome& outcome);

}  // namespace remit::agent
