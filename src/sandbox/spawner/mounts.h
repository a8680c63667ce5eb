// The mounts of one sandbox: made detached by the spawner in the host view, where their sources are, and put in place
// by the new process.
#pragma once

#include "sandbox/spawner/image.h"
#include "sandbox/wire/request.h"

namespace remit::spawner {

struct Prepared {
  Fd tmpfs[sandbox::wire::kMounts];
  Fd overlay[sandbox::wire::kMounts];
  Fd bind[sandbox::wire::kMounts];
  bool bind_is_folder[sandbox::wire::kMounts] = {};
};

// By the spawner. It comes back inside the image whatever happens.
Status prepare_mounts(const Image& image, const sandbox::wire::Start& start, Prepared& out);

// By the new process in its own mount namespace.
Status attach_mounts(const Image& image, const sandbox::wire::Start& start, Prepared& prepared);

// Whether a tmpfs of the plan has no space or no inodes left.
bool is_quota_full(const sandbox::wire::Start& start);

}  // namespace remit::spawner
