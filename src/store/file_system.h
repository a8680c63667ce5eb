// FileSystem: the only way in which the log touches files, so that a test can make the disk full, broken or lose power
// at any byte.
//
// Promises: offsets and sizes are in bytes. Every failure carries the path. A File belongs to one thread at a time; a
// FileSystem may be used from any thread. PosixFileSystem is the real one; SimulatedFileSystem
// (simulated_file_system.h) is the one that fails on demand.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::store {

class File {
 public:
  virtual ~File() = default;
  // May write fewer bytes than given, at least one.
  virtual Result<std::size_t> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  // May read fewer bytes than asked for; 0 at the end of the file.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) = 0;
  // After this the bytes written so far survive the loss of power (fdatasync). Never to be retried when it failed: the
  // kernel may have dropped the pages, and a second call would then report success for bytes that are gone.
  virtual Result<> sync() = 0;
  virtual Result<> truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() = 0;
  // Takes the file for this process until it is closed (flock). kFailedPrecondition when another one has it.
  virtual Result<> lock() = 0;
};

enum class OpenMode : std::uint8_t { kRead, kReadWrite, kReplace };  // kReplace: created, or emptied when it is there.

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<> rename(const std::string& from, const std::string& to) = 0;
  // Makes creations and renames in the folder that holds `path` survive the loss of power.
  virtual Result<> sync_folder_of(const std::string& path) = 0;
};

class PosixFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> sync_folder_of(const std::string& path) override;
};

// Writes all of `bytes`, however short the single writes are.
Result<> write_fully(File& file, std::uint64_t offset, std::string_view bytes);
// Reads until `into` is full or the file ends; returns how much it read.
Result<std::size_t> read_fully(File& file, std::uint64_t offset, std::span<char> into);

}  // namespace remit::store
