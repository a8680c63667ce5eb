// The words of the enums as they stand in manifests ("GVisor", "ReturnPartial"). to_string() lives as long as the
// program.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "core/action.h"
#include "resource/approval.h"
#include "resource/mission.h"
#include "resource/model_provider.h"
#include "resource/tool_server.h"

namespace remit::resource {

std::string_view to_string(AgentType value);
std::string_view to_string(WorkspaceType value);
std::string_view to_string(OnExhausted value);
std::string_view to_string(PermissionMode value);
std::string_view to_string(RuleEffect value);
std::string_view to_string(Tier value);
std::string_view to_string(LimitsMode value);
std::string_view to_string(DesiredState value);
std::string_view to_string(Phase value);
std::string_view to_string(ConditionStatus value);
std::string_view to_string(ToolServerType value);
std::string_view to_string(ProviderType value);
std::string_view to_string(UnknownModel value);
std::string_view to_string(ApprovalDecision value);
std::string_view to_string(ApprovalScope value);
std::string_view importance_name(Importance value);

// Exact words only; the error lists them. Declared for every enum above and for Importance.
template <typename E>
Result<E> parse_enum(std::string_view text);

}  // namespace remit::resource
