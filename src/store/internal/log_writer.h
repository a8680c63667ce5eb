// LogWriter: the queue of a log, its writing thread, and those who wait for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/internal/log_opening.h"
#include "store/log.h"

namespace remit::store {

class LogWriter {
 public:
  LogWriter(OpenedLog opened, std::string path, const LogOptions& options);
  ~LogWriter();

  Result<std::uint64_t> append(std::string_view payload, Durability durability);
  Task<Result<>> wait_durable(std::uint64_t sequence);
  Task<Result<std::uint64_t>> append_durable(std::string payload);
  Result<> wait_durable_blocking(std::uint64_t sequence);
  Result<> close();

  std::uint64_t last_sequence() const;
  std::uint64_t durable_sequence() const;
  std::uint64_t cut_bytes() const { return cut_bytes_; }
  std::optional<Error> failure() const;
  LogStats stats() const;
  const std::string& path() const { return path_; }

 private:
  using Outcome = std::optional<Error>;  // What a waiter gets: nothing when all is well.
  // A coroutine that waits, and the executor it runs on, kept busy meanwhile.
  struct Waiter {
    asio::executor_work_guard<asio::any_io_executor> work;
    std::move_only_function<void(Outcome)> resume;
  };
  // Waiters for the same outcome.
  struct Finished {
    std::vector<Waiter> waiters;
    Outcome outcome;
  };
  using Lock = std::unique_lock<std::mutex>;

  void run();
  bool has_work() const;
  bool must_sync() const;
  std::size_t waiters() const { return waiting_.size() + blocked_; }
  void gather(Lock& lock);
  void write_pending(Lock& lock);
  void sync(Lock& lock);
  void fail_all(Lock& lock, const Error& error);
  std::vector<Waiter> take_durable_waiters();
  static void resume(Finished finished);

  bool queue_full(std::size_t frame_bytes) const;
  Result<std::uint64_t> append_locked(std::string_view payload, std::uint32_t crc, bool hurry);
  Result<> check_record(std::string_view payload) const;
  void want(std::uint64_t sequence);
  Task<Outcome> park(std::uint64_t sequence);
  Task<Outcome> wait_for_room(std::size_t frame_bytes);
  void add_waiter(std::uint64_t sequence, Waiter waiter);
  void add_room_waiter(std::size_t frame_bytes, Waiter waiter);

  const std::unique_ptr<File> file_;
  const LogHeader header_;
  const std::string path_;
  const std::uint64_t cut_bytes_;
  const std::size_t queue_records_, queue_bytes_;
  const std::uint64_t file_bytes_;
  const Duration group_delay_;

  mutable std::mutex mutex_;
  std::condition_variable work_;      // Wakes the writing thread.
  std::condition_variable progress_;  // Wakes blocked callers.
  // All below: under mutex_.
  std::string pending_;  // Frames to write.
  std::size_t pending_records_ = 0;
  std::uint64_t last_ = 0;  // Sequences: given out, written to the file, on the disk, asked for.
  std::uint64_t written_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t wanted_ = 0;
  std::uint64_t end_ = 0;       // Size of the file with what is pending.
  std::uint64_t file_end_ = 0;  // Size of what was written.
  std::optional<SteadyTime> unsynced_since_;
  std::multimap<std::uint64_t, Waiter> waiting_;  // By the sequence they wait for.
  std::vector<Waiter> waiting_for_room_;
  std::size_t blocked_ = 0;     // Threads that wait.
  std::size_t last_group_ = 0;  // Waiters of the last group, and how long its sync took.
  Duration last_sync_{0};
  std::size_t gather_target_ = 0;  // While gathering: how many waiters end it.
  bool idle_ = false;
  bool closing_ = false;
  std::optional<Error> failure_;
  LogStats stats_;

  std::thread thread_;
};

}  // namespace remit::store
