// MountPlan: what a sandbox sees besides the system image. Plain values, copied freely.
//
// Sources are absolute host paths and are resolved when the sandbox starts, with the rights of the launcher; they may
// hold any byte but NUL. Targets are absolute paths inside the sandbox without "." or ".." components; missing folders
// on the way are made. Plans are applied in the order tmpfs, overlays, binds, so that a bind may lie on top of an
// overlay. Nothing in a plan is ever writable on the host except an overlay's upperdir and workdir.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kMounts = 64;       // Entries of one plan.
inline constexpr std::size_t kLowerLayers = 12;  // Lower folders of one overlay.
}  // namespace limits

// Copy on write (the kernel's overlayfs). The mount is made with redirect_dir, metacopy and index off, so that the
// upper folder holds whole files, whiteouts and opaque folders only. The sandbox does not learn the host paths of its
// layers.
struct OverlayPlan {
  std::vector<std::string> lowerdirs;  // Topmost first, as overlayfs has it; 1 to limits::kLowerLayers.
  std::string upperdir;                // An empty folder of the caller's; on one file system with workdir.
  std::string workdir;                 // Empty; its contents belong to the kernel.
  std::string target = "/work";
  // Marks are user.overlay.* instead of trusted.overlay.*. An ordinary user must say true.
  bool userxattr = false;
  // No sync of the upper file system when the sandbox ends; a crash of the machine may lose what the command wrote.
  bool is_volatile = true;
};

// A file or folder of the host, read-only. Sub-mounts of a folder come along.
struct ReadOnlyBind {
  std::string source;
  std::string target;
};

// Memory-backed, counted against the memory limit of the sandbox. Writing past a bound gives ENOSPC.
struct TmpfsMount {
  std::string target = "/tmp";
  std::uint64_t size_bytes = 64u << 20;
  std::uint64_t inodes = 16384;
};

struct MountPlan {
  std::vector<TmpfsMount> tmpfs = {TmpfsMount{}};
  std::vector<OverlayPlan> overlays;
  std::vector<ReadOnlyBind> binds;
};

}  // namespace remit::sandbox
