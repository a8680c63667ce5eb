#include "sandbox/spawner/user_map.h"

#include <string.h>

namespace remit::spawner {

namespace {

int write_map(int folder, const char* name, std::uint32_t inside, std::uint32_t outside) {
  char line[64];
  char digits[24];
  std::size_t size = to_decimal(inside, digits);
  ::memcpy(line, digits, size);
  line[size++] = ' ';
  const std::size_t more = to_decimal(outside, digits);
  ::memcpy(line + size, digits, more);
  size += more;
  ::memcpy(line + size, " 1\n", 3);
  return write_file_at(folder, name, line, size + 3) ? 0 : errno;
}

}  // namespace

int map_self(int folder, const char* self, std::uint32_t inside_uid, std::uint32_t uid, std::uint32_t inside_gid,
             std::uint32_t gid) {
  Fd own(::openat(folder, self, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own) return errno;
  // Without this an unprivileged process may not map groups: it could drop a group that denies it something.
  if (!write_file_at(own.get(), "setgroups", "deny", 4)) return errno;
  if (const int error = write_map(own.get(), "uid_map", inside_uid, uid); error != 0) return error;
  return write_map(own.get(), "gid_map", inside_gid, gid);
}

}  // namespace remit::spawner
