// SimulatedFileSystem: files in memory that fail on demand, for tests of everything that must survive a broken disk or
// the loss of power.
//
// Promises: the same seed gives the same faults. lose_power() leaves each file as a disk may: what was synced is there;
// of the rest any sectors may be, in any order, with zeroes in the gaps; unsynced creations and renames are undone. One
// thread may change the faults while another uses the files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "store/file_system.h"

namespace remit::store {

inline constexpr std::size_t kSimulatedSectorBytes = 512;

struct Faults {
  std::optional<std::uint64_t>
      disk_bytes;  // Writes past this total fail with ENOSPC, after a short write of what fits.
  std::optional<std::uint64_t> fail_sync_after;  // This many syncs work, then each fails with EIO.
  std::optional<std::uint64_t>
      stop_after_bytes;       // After this many bytes every call fails, as for a process that was killed.
  bool short_writes = false;  // Each write takes a random part.
  Duration sync_takes{0};     // How long a sync blocks.
};

class SimulatedFileSystem final : public FileSystem {
 public:
  explicit SimulatedFileSystem(std::uint64_t seed);
  ~SimulatedFileSystem() override;

  void set_faults(Faults faults);
  // Every open File is dead afterwards, every lock free.
  void lose_power();
  // The process died but the machine did not: what was written is there. Every open File is dead afterwards.
  void kill_process();
  std::uint64_t bytes_written() const;

  // The bytes of a file, and a way to damage them.
  std::string contents(const std::string& path) const;
  void set_contents(const std::string& path, std::string bytes);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<bool> exists(const std::string& path) override;
  Result<> rename(const std::string& from, const std::string& to) override;
  Result<> sync_folder_of(const std::string& path) override;

  struct Disk;

 private:
  std::shared_ptr<Disk> disk_;
};

}  // namespace remit::store
