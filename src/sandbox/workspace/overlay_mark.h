// The marks that overlayfs leaves in an upper folder, and whether a file system can carry them.
// Protocol: Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/result.h"

namespace remit::sandbox {

// A character device 0/0: what was below is deleted. Ordinary users may make it since Linux 5.8.
inline bool is_whiteout(const struct stat& entry) { return S_ISCHR(entry.st_mode) && entry.st_rdev == 0; }
// The other form (Linux 6.7): an empty file with the xattr overlay.whiteout. Costs a system call for empty files only.
bool is_xattr_whiteout(int folder, const std::string& name, const struct stat& entry);
int make_whiteout(int folder, const std::string& name);  // 0, or -1 and errno.

// Whether nothing of the folders below shows through. Reads both user.overlay.opaque and trusted.overlay.opaque.
bool is_opaque(int folder_fd);

// Tries whiteout, xattr and exchange in `folder_fd`; the error names `path` and says what to do.
Result<> check_carries_overlay(int folder_fd, const std::string& path);

}  // namespace remit::sandbox
