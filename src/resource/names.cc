#include "resource/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/strings.h"
#include "resource/schema/words.h"

namespace remit::resource {

template <typename E>
Result<E> parse_enum(std::string_view text) {
  const auto& words = Words<E>::kList;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == text) return static_cast<E>(i);
  }
  return fail(
      invalid_argument(fmt::format("expected one of {}, not '{}'", fmt::join(words, ", "), printable(text, 100))));
}

#define REMIT_NAMES(Enum)                                           \
  std::string_view to_string(Enum value) { return word_of(value); } \
  template Result<Enum> parse_enum<Enum>(std::string_view)

REMIT_NAMES(AgentType);
REMIT_NAMES(WorkspaceType);
REMIT_NAMES(OnExhausted);
REMIT_NAMES(PermissionMode);
REMIT_NAMES(RuleEffect);
REMIT_NAMES(Tier);
REMIT_NAMES(LimitsMode);
REMIT_NAMES(DesiredState);
REMIT_NAMES(Phase);
REMIT_NAMES(ConditionStatus);
REMIT_NAMES(ToolServerType);
REMIT_NAMES(ProviderType);
REMIT_NAMES(UnknownModel);
REMIT_NAMES(ApprovalDecision);
REMIT_NAMES(ApprovalScope);

std::string_view importance_name(Importance value) { return word_of(value); }
template Result<Importance> parse_enum<Importance>(std::string_view);

}  // namespace remit::resource
