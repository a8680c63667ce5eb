// Whole-file helpers. For anything with a path that an agent chose, use the sandbox module's workspace instead.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace remit {

// Fails with kResourceExhausted when the file is larger than max_bytes.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);
// Replaces the file in one step (temporary, fdatasync, rename, fsync of the folder): a reader and a crash see the old
// bytes or the new ones.
Result<> write_file_atomic(const std::string& path, std::string_view bytes, unsigned mode = 0600);
Result<> write_all(int fd, std::string_view bytes);
Result<> make_directories(const std::string& path, unsigned mode = 0700);

}  // namespace remit
