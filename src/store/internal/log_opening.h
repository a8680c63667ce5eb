// Brings a log file into the state in which a writer can go on: made, recovered from a crash, or migrated.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/rng.h"
#include "store/file_system.h"
#include "store/log_format.h"

namespace remit::store {

struct OpenedLog {
  std::unique_ptr<File> file;
  LogHeader header;
  std::uint64_t end = kLogHeaderBytes;  // Offset of the next frame.
  std::uint64_t last_sequence = 0;      // All of them on the disk.
  std::uint64_t cut_bytes = 0;
};

Result<OpenedLog> open_log_file(FileSystem& files, const std::string& path, Rng& rng, const LogSchema& schema);

}  // namespace remit::store
