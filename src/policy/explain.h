// Words for people about a verdict: what `remit can-i` and `remit why` print. Text from agents is made printable. Any
// thread.
#pragma once

#include <string>

#include "base/json.h"
#include "core/action.h"
#include "core/verdict.h"
#include "policy/permissions.h"

namespace remit::policy {

// A few lines: the action, the verdict with layer, rule and place, every rule considered and why it did not match, the
// smallest change.
std::string render(const Action& action, const Explanation& explanation);
// The same without the rules, for a verdict of another layer.
std::string render(const Action& action, const Verdict& verdict);
// {verdict: {…}, considered: [{name, effect, source, result, detail}]}
json::object to_json_object(const Explanation& explanation);

}  // namespace remit::policy
