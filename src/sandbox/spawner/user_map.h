// Maps exactly one user and one group into the calling process's new user namespace.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

// `self` is the process's own folder in a /proc that it may write to, looked up from `folder`.
int map_self(int folder, const char* self, std::uint32_t inside_uid, std::uint32_t uid, std::uint32_t inside_gid,
             std::uint32_t gid);

}  // namespace remit::spawner
