// Opening and naming files beneath a folder, whoever may have put them there. Nothing here follows a symbolic link, a
// magic link of /proc or a mount point, or leaves the folder: openat2(2) with RESOLVE_BENEATH | NO_SYMLINKS |
// NO_MAGICLINKS | NO_XDEV (Linux 5.6 or later). Functions that answer an int give -1 and errno, as system calls do,
// because callers branch on ENOENT, ENOTDIR and ELOOP.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace remit::sandbox {

// A folder with more entries than this is refused.
inline constexpr std::size_t kMaxFolderEntries = 1'000'000;

// `path` is relative; "" is the folder itself.
int open_beneath(int folder, const std::string& path, int flags, mode_t mode = 0);
// 0 or -1. The entry itself, also when it is a link.
int stat_beneath(int folder, const std::string& path, struct stat* out);
bool is_absent_errno(int error_number);  // ENOENT, ENOTDIR or ELOOP: no such entry beneath, whatever stands in the way.

struct ParentFolder {
  UniqueFd fd;
  std::string name;
};
// The folder that holds `path`, open with O_PATH, and the last component.
Result<ParentFolder> open_parent(int folder, const std::string& path);

std::string parent_of(const std::string& path);  // "" for a path of one component.
std::string join_path(const std::string& folder, std::string_view name);
std::string target_of_link(int folder, const std::string& path);  // "" when it is no link.

// Names and d_type of a folder's entries without "." and "..", unsorted. The visitor answers false to stop.
Result<> for_each_entry(int folder_fd, const std::function<bool(std::string_view name, unsigned char type)>& visit);
Result<std::vector<std::string>> entry_names(int folder_fd,
                                             std::size_t limit);  // Sorted. kResourceExhausted over the limit.

// Removes a file or a whole tree of any depth with a bounded number of descriptors; folders without permission bits are
// opened up first. Only for trees that nobody else changes. Absent is success.
Result<> remove_tree(int folder, const std::string& name);

// The whole file from where it stands, at most max_bytes.
Result<std::string> read_some(int fd, std::size_t max_bytes);
// Compares from the beginning; both are regular files.
Result<bool> same_bytes(int a, int b);
Result<> copy_bytes(int from, int to);

// The normal form of a path that an agent named, "" for the workspace itself.
Result<std::string> normal_path(std::string_view text);
// Why a name from disk cannot be a workspace path, "" when it can.
std::string_view unfit_name(std::string_view name);

}  // namespace remit::sandbox
