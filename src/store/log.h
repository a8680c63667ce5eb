// Log: the append-only file that is the truth about a run. Many callers append; one thread writes, with one fdatasync
// for a whole group.
//
// Promises:
//  - append() gives the record its sequence (from 1, without gaps) at once, in the order of the calls; it copies the
//    payload.
//  - Once wait_durable(n) or flush() has returned success, the records up to n survive kill -9 and the loss of power.
//  - A full disk, a failed write or a failed fdatasync ends the log for good: everything not yet acknowledged and every
//    later append fails with that error. Nothing is acknowledged after it; open() cuts what was left half-written.
//  - Safe to use from any thread. A waiting coroutine resumes on its own executor, in one hand-over per group, and is
//    not cancellable: its wait ends with the group. The io_contexts of those who wait must outlive the Log (or its
//    close()): its thread may still be waking a coroutine that has already gone on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "base/rng.h"
#include "base/task.h"
#include "store/file_system.h"
#include "store/log_format.h"

namespace remit::store {

inline constexpr std::size_t kLogQueueRecords = 65'536;
inline constexpr std::size_t kLogQueueBytes = 64u << 20;
inline constexpr std::uint64_t kLogFileBytes = 8ull << 30;
inline constexpr Duration kLogGroupDelay = std::chrono::milliseconds(10);

enum class Durability : std::uint8_t {
  kGroup,  // Rides along with the next group; on the disk at the latest after LogOptions::group_delay.
  kNow,    // A group begins for it at once.
};

struct LogOptions {
  LogSchema schema;
  Duration group_delay = kLogGroupDelay;
  std::size_t queue_records = kLogQueueRecords;
  std::size_t queue_bytes = kLogQueueBytes;
  std::uint64_t file_bytes = kLogFileBytes;
};

struct LogStats {
  std::uint64_t records = 0;  // Written since open().
  std::uint64_t bytes = 0;    // Frames included.
  std::uint64_t syncs = 0;    // records / syncs: how well grouping works.
};

class Log {
 public:
  // Opens the log or makes a new one, takes it for this process, cuts a torn tail, migrates an older schema. `files`
  // must outlive the log. kFailedPrecondition: another process writes it, or a newer Remit wrote it. kDataLoss: damage
  // in the middle; the message has the offset.
  static Result<std::unique_ptr<Log>> open(FileSystem& files, std::string path, Rng& rng, LogOptions options = {});
  // Closes.
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Never blocks on the disk. kResourceExhausted names the limit: record, queue or file size. The queue's limit passes
  // when the disk catches up.
  Result<std::uint64_t> append(std::string_view payload, Durability durability = Durability::kGroup);
  // Waits until the records up to `sequence` are on the disk, and makes the writer hurry.
  Task<Result<>> wait_durable(std::uint64_t sequence);
  // append() and wait_durable(), waiting for room in the queue when it is full.
  Task<Result<std::uint64_t>> append_durable(std::string payload);

  // For tests, benchmarks and tools: the same, blocking the calling thread.
  Result<> wait_durable_blocking(std::uint64_t sequence);
  // Everything appended so far is on the disk. Blocks.
  Result<> flush();
  // flush(), then no more appends. Idempotent; blocks.
  Result<> close();

  std::uint64_t last_sequence() const;     // Of what was appended; 0 for an empty log.
  std::uint64_t durable_sequence() const;  // Of what is known to be on the disk.
  std::uint64_t cut_bytes() const;         // Length of the torn tail that open() cut.
  std::optional<Error> failure() const;    // What ended the log, when something did.
  LogStats stats() const;
  const std::string& path() const;

 private:
  struct State;
  explicit Log(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace remit::store
