// JSON merge patch (RFC 7386): members of the patch replace, null removes, objects merge.
#pragma once

#include "base/json.h"

namespace remit::resource {

void apply_merge_patch(json::value& target, const json::value& patch);

}  // namespace remit::resource
