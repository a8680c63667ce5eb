// BuiltinAgent: the loop that comes with Remit. Ask the model, carry out the tool calls it proposes (each through the
// pipeline, those of one turn side by side), give it the results, until it finishes, the budget ends, the run is
// stopped, or it goes in circles.
//
// After a crash, restore() feeds it the log and work() goes on where the log ends: settled calls are not repeated.
// One shard's thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "action/pipeline.h"
#include "agent/conversation.h"
#include "agent/driver.h"
#include "agent/host.h"
#include "core/ledger.h"
#include "mesh/catalogue.h"

namespace remit::agent {

inline constexpr std::size_t kParallelCalls = 8;  // Tool calls of one turn that run at once.
inline constexpr std::size_t kCallsPerTurn = 64;  // More in one answer are refused with an explanation.
inline constexpr std::size_t kMaxTurns = 1000;
inline constexpr int kEmptyAnswers = 3;  // Answers in a row with neither text nor a tool call.

// Notices an agent that goes in circles; the composition gives it ledger's detector.
struct LoopWatch {
  enum class Signal : std::uint8_t { kNone, kNudge, kEscalate };
  std::function<Signal(const std::string& action_hash, const std::string& observation)> observe;
};

struct BuiltinAgentParts {
  action::Pipeline& pipeline;
  const mesh::Catalogue& catalogue;
  Host& host;
  LoopWatch loop_watch;
  std::function<bool(std::string_view tool)>
      may_allow;        // Tools that no rule could ever allow are not offered to the model.
  CallContext context;  // Importance and so on; call number 0.
  std::string provider, model;
  std::int64_t max_output_tokens = 0;
  std::string goal;
  std::string briefing;                           // What the mission lets it do, for the system prompt.
  std::function<std::string()> budget_exhausted;  // Why the budget is used up; "" while it is not.
  std::function<void()> release_return_reserve;   // Null: no last turn (Pause, Kill).
};

class BuiltinAgent final : public Driver {
 public:
  explicit BuiltinAgent(BuiltinAgentParts parts);

  void restore(const RunRecord& record) override { restored_.add(record); }
  // May be called again when the end was kExhausted and there is budget again: it goes on where it was.
  Task<AgentEnd> work() override;

 private:
  struct ToolResult {
    std::string text;
    bool is_error = false;
    std::string action_hash;  // "" when it did not become an action.
  };
  Task<Result<ModelResponse>> ask_model(bool with_tools);
  Task<AgentEnd> return_partial(std::string reason);
  // Goes through what restore() was given, up to where the log ends. Nothing while the agent is not done, here and
  // below.
  Task<std::optional<AgentEnd>> catch_up();
  Task<std::optional<AgentEnd>> take_answer(ModelResponse response);
  Task<std::optional<AgentEnd>> run_tools(std::vector<ToolUse> uses);
  Task<> run_slot(std::shared_ptr<std::vector<ToolUse>> uses, std::shared_ptr<std::vector<ToolResult>> results,
                  std::shared_ptr<std::size_t> next);
  Task<ToolResult> run_tool(ToolUse use);
  std::optional<ToolResult> restored_result(const ToolUse& use) const;
  bool add_result(const ToolUse& use, ToolResult result);
  std::vector<ToolSpec> tool_specs() const;

  BuiltinAgentParts parts_;
  Conversation conversation_;
  RestoredCalls restored_;
  // The answer whose tool calls are being looked up in the log; null when there is nothing to catch up with.
  struct CatchingUp {
    const RestoredCalls* calls = nullptr;
    std::uint64_t answer = 0;
  };
  CatchingUp catching_up_;
  bool refused_for_budget_ = false;
  int empty_answers_ = 0;
};

std::string system_prompt(const std::string& briefing);

}  // namespace remit::agent
