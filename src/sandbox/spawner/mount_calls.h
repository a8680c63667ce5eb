// The kernel's newer mount calls (open_tree, fsopen, move_mount, mount_setattr; Linux 5.12) as one-line functions. They
// return a descriptor or -1, or whether it worked, and leave errno.
#pragma once

#include <sys/mount.h>

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

// A detached copy of a mount, with what is mounted below it.
inline int clone_tree(const char* path) {
  return ::open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
}

// A detached copy of one mount, named by a descriptor.
inline int clone_mount(int fd) { return ::open_tree(fd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH); }

inline bool set_attributes(int folder, const char* path, std::uint64_t attributes, bool recursive) {
  struct mount_attr wanted{};
  wanted.attr_set = attributes;
  const unsigned flags = (recursive ? unsigned{AT_RECURSIVE} : 0u) | (path[0] == 0 ? unsigned{AT_EMPTY_PATH} : 0u);
  return ::mount_setattr(folder, path, flags, &wanted, sizeof(wanted)) == 0;
}

inline bool make_read_only(int tree, std::uint64_t more) {
  return set_attributes(tree, "", MOUNT_ATTR_RDONLY | more, true);
}

inline bool attach(int mount, int folder, const char* path) {
  return ::move_mount(mount, "", folder, path, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

inline bool set_option(int context, const char* key, const char* value) {
  return ::fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) == 0;
}

// Makes the file system that `context` describes and mounts it, detached.
inline int finish_mount(int context, unsigned attributes) {
  if (::fsconfig(context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return -1;
  return ::fsmount(context, FSMOUNT_CLOEXEC, attributes);
}

int new_tmpfs(std::uint64_t size_bytes, std::uint64_t inodes, const char* mode);

}  // namespace remit::spawner
