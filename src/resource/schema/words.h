// The words of every enum, in the order of its values. The schema, the reader, the writer and to_string() all take them
// from here.
#pragma once

#include <array>
#include <string_view>

#include "resource/names.h"

namespace remit::resource {

template <typename E>
struct Words {};

#define REMIT_WORDS(Enum, ...)                                                    \
  template <>                                                                     \
  struct Words<Enum> {                                                            \
    static constexpr auto kList = std::to_array<std::string_view>({__VA_ARGS__}); \
  }

REMIT_WORDS(AgentType, "Builtin", "Command", "Container");
REMIT_WORDS(WorkspaceType, "Directory");
REMIT_WORDS(OnExhausted, "ReturnPartial", "Pause", "Kill");
REMIT_WORDS(PermissionMode, "Enforce", "Audit");
REMIT_WORDS(RuleEffect, "Allow", "Deny", "Ask");
REMIT_WORDS(Tier, "Process", "GVisor", "MicroVM");
REMIT_WORDS(LimitsMode, "Enforced", "BestEffort");
REMIT_WORDS(DesiredState, "Running", "Paused", "Stopped");
REMIT_WORDS(Phase, "Pending", "Preparing", "Running", "WaitingForApproval", "Paused", "Checking", "Succeeded", "Failed",
            "Stopped");
REMIT_WORDS(ConditionStatus, "True", "False", "Unknown");
REMIT_WORDS(ToolServerType, "Builtin", "MCP");
REMIT_WORDS(ProviderType, "OpenAI", "Anthropic", "Recorded");
REMIT_WORDS(UnknownModel, "Refuse", "Ceiling");
REMIT_WORDS(ApprovalDecision, "Pending", "Approved", "Rejected");
REMIT_WORDS(ApprovalScope, "Once", "Run");
REMIT_WORDS(Importance, "Low", "Normal", "High", "Critical");
REMIT_WORDS(Effect, "ReadOnly", "Write", "Irreversible");

#undef REMIT_WORDS

template <typename E>
concept HasWords = requires { Words<E>::kList; };

template <HasWords E>
std::string_view word_of(E value) {
  const auto index = static_cast<std::size_t>(value);
  return index < Words<E>::kList.size() ? Words<E>::kList[index] : std::string_view();
}

}  // namespace remit::resource
