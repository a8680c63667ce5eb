// RE2 for matches(): linear time, bounded pattern and memory.
#pragma once

#include <memory>
#include <string_view>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace remit::policy::cel {

Result<std::shared_ptr<const re2::RE2>> compile_regex(std::string_view pattern);

}  // namespace remit::policy::cel
