#include "agent/conversation.h"

#include <fmt/format.h>

namespace remit::agent {

Conversation::Conversation(std::string system_prompt, std::string goal) {
  messages_.push_back({.role = Role::kSystem, .text = std::move(system_prompt)});
  messages_.push_back({.role = Role::kUser, .text = std::move(goal)});
}

void Conversation::add_tool_result(const ToolUse& use, std::string text, bool is_error) {
  messages_.push_back({.role = Role::kTool, .text = std::move(text), .tool_use_id = use.id, .is_error = is_error});
}

void Conversation::add_user(std::string text) { messages_.push_back({.role = Role::kUser, .text = std::move(text)}); }

static std::size_t bytes_of(const Message& message) {
  std::size_t bytes = message.text.size() + message.reasoning.size();
  for (const auto& use : message.tool_uses) bytes += use.arguments.size();
  return bytes;
}

std::vector<Message> Conversation::trimmed() const {
  auto messages = messages_;
  std::size_t total = 0, tool_messages = 0;
  for (const auto& message : messages) {
    total += bytes_of(message);
    if (message.role == Role::kTool) ++tool_messages;
  }
  for (auto& message : messages) {
    if (total <= kContextBytes || tool_messages <= kKeptToolMessages) break;
    if (message.role != Role::kTool) continue;
    --tool_messages;
    std::string shorter = fmt::format("[{} bytes of an old result were left out; call the tool again if you need them]", message.text.size());
    if (shorter.size() >= message.text.size()) continue;
    total -= message.text.size() - shorter.size();
    message.text = std::move(shorter);
  }
  return messages;
}

void RestoredCalls::add(const RunRecord& record) {
  if (const auto* proposed = std::get_if<Proposed>(&record.body)) calls_[record.call].action = proposed->action;
  if (const auto* judged = std::get_if<Judged>(&record.body)) calls_[record.call].verdict = judged->verdict;
  if (const auto* settled = std::get_if<Settled>(&record.body)) calls_[record.call].outcome = settled->outcome;
}

std::vector<ModelResponse> RestoredCalls::answers() const {
  std::vector<ModelResponse> answers;
  for (const auto& [number, entry] : calls_) {
    const bool answered = entry.action.kind == ActionKind::kModelCall && entry.action.channel == "builtin" && entry.outcome && entry.outcome->ok;
    if (answered && entry.outcome->response) answers.push_back(*entry.outcome->response);
  }
  return answers;
}

std::optional<RestoredCalls::ToolResult> RestoredCalls::tool_result(const std::string& tool_use_id) const {
  // The last call of this tool use counts: one before it may have waited for an approval or been interrupted.
  for (auto call = calls_.rbegin(); call != calls_.rend(); ++call) {
    const Entry& entry = call->second;
    if (entry.action.provider_call_id != tool_use_id || entry.action.kind == ActionKind::kModelCall) continue;
    if (entry.outcome) {
      const bool repeat = is_interrupted(*entry.outcome) && get_bool(entry.outcome->structured, "repeat");
      return ToolResult{entry.action, entry.outcome->text, !entry.outcome->ok, repeat};
    }
    if (entry.verdict && !entry.verdict->allows()) {
      const bool asked = entry.verdict->decision == Decision::kAsk;
      return ToolResult{entry.action, explain_to_agent(*entry.verdict, entry.action.tool, entry.action.resource), true, asked};
    }
    return ToolResult{entry.action, "", true, true};
  }
  return std::nullopt;
}

void mark_interrupted(Outcome& outcome, bool repeat) {
  outcome.structured["interrupted"] = true;
  outcome.structured["repeat"] = repeat;
}

bool is_interrupted(const Outcome& outcome) { return get_bool(outcome.structured, "interrupted"); }

}  // namespace remit::agent
