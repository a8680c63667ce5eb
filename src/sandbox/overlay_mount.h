// OverlayMount: how the sandbox mounts one command's view of a workspace. A plain value: copy it, send it to the spawner, mount it there.
//
// Mount it inside the command's own mount and user namespace, on a folder of the sandbox's root. All paths are absolute paths of the host, so mount
// before pivot_root. The mount's folders belong to the workspace's owner (Workspace::owner()): that uid must be mapped in the user namespace.
// redirect_dir and metacopy are off, so that a layer holds nothing but whole files; a rename of a folder that is not new in the layer answers
// EXDEV, and mv(1) copies instead. "volatile" is on: a layer that a crash of the machine interrupts is thrown away, so overlayfs need not sync it.
// Protocol: Documentation/filesystems/overlayfs.rst of Linux (5.11 or later: userxattr).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace remit::sandbox {

struct OverlayMount {
  std::vector<std::string> lower;  // The topmost first: the run's upper, the mask of hidden paths, the user's folder.
  std::string upper;
  std::string work;        // On the same file system as upper.
  bool user_xattr = true;  // Overlay's marks are user.overlay.*: needed for every mount in a user namespace.

  // The data argument of mount(2), paths escaped. kResourceExhausted when it does not fit the kernel's page of 4096 bytes.
  Result<std::string> options() const;
};

// mount("overlay", target, "overlay", MS_NOSUID | MS_NODEV, options). The error names the folders. Allocates: not for a vfork child.
Result<> mount_overlay(const OverlayMount& mount, const std::string& target);

}  // namespace remit::sandbox
