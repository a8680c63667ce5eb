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
    std::string shorter = fmt::format("[{} bytes of an old result were left out; call the tool again if you need them]",
                                      message.text.size());
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

bool RestoredCalls::is_answer(const Entry& entry) {
  return entry.action.kind == ActionKind::kModelCall && entry.action.channel == "builtin" && entry.outcome &&
         entry.outcome->ok && entry.outcome->response;
}

std::vector<RestoredCalls::Answer> RestoredCalls::answers() const {
  std::vector<Answer> answers;
  for (const auto& [number, entry] : calls_) {
    if (is_answer(entry)) answers.push_back({number, *entry.outcome->response, get_bool(entry.action.args, kLastTurn)});
  }
  return answers;
}

std::optional<RestoredCalls::ToolResult> RestoredCalls::tool_result(std::uint64_t answer,
                                                                    const std::string& tool_use_id,
                                                                    const std::string& action_hash) const {
  const Entry* found = nullptr;
  for (auto call = calls_.upper_bound(answer); call != calls_.end() && !is_answer(call->second); ++call) {
    const Action& action = call->second.action;
    if (action.channel != "builtin" || action.kind == ActionKind::kModelCall || action.provider_call_id != tool_use_id)
      continue;
    // The last call counts: one before it may have waited for an approval or been interrupted.
    if (!tool_use_id.empty() || action.hash() == action_hash) found = &call->second;
  }
  if (!found) return std::nullopt;
  if (found->outcome) {
    const bool repeat = is_interrupted(*found->outcome) && get_bool(found->outcome->structured, "repeat");
    return ToolResult{found->action, result_text(*found->outcome), !found->outcome->ok, repeat};
  }
  if (found->verdict && !found->verdict->allows()) {
    const bool asked = found->verdict->decision == Decision::kAsk;
    return ToolResult{found->action, explain_to_agent(*found->verdict, found->action.tool, found->action.resource),
                      true, asked};
  }
  return ToolResult{found->action, "", true, true};
}

std::string result_text(const Outcome& outcome) { return outcome.text.empty() ? "(no output)" : outcome.text; }

void mark_interrupted(Outcome& outcome, bool repeat) {
  outcome.structured["interrupted"] = true;
  outcome.structured["repeat"] = repeat;
}

bool is_interrupted(const Outcome& outcome) { return get_bool(outcome.structured, "interrupted"); }

}  // namespace remit::agent
