#include "store/internal/log_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace remit::store {
namespace {

// How long the writer waits for the callers of the last group to come back before it syncs: a fraction of what the sync
// costs.
constexpr int kGatherFraction = 4;
constexpr Duration kGatherMost = std::chrono::milliseconds(1);

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

LogWriter::LogWriter(OpenedLog opened, std::string path, const LogOptions& options)
    : file_(std::move(opened.file)),
      header_(opened.header),
      path_(std::move(path)),
      cut_bytes_(opened.cut_bytes),
      queue_records_(options.queue_records),
      queue_bytes_(options.queue_bytes),
      file_bytes_(options.file_bytes),
      group_delay_(options.group_delay),
      last_(opened.last_sequence),
      written_(last_),
      durable_(last_),
      end_(opened.end),
      file_end_(end_) {
  thread_ = std::thread([this] { run(); });
}

LogWriter::~LogWriter() { (void)close(); }

// Callers.

Result<> LogWriter::check_record(std::string_view payload) const {
  if (payload.empty()) return fail(invalid_argument("an empty record cannot be logged"));
  if (payload.size() <= kLogRecordBytes) return {};
  return fail(Code::kResourceExhausted,
              fmt::format("a record of {} bytes is larger than kLogRecordBytes ({}); shorten what it holds",
                          payload.size(), kLogRecordBytes));
}

// A record that is larger than the whole queue is taken when the queue is empty.
bool LogWriter::queue_full(std::size_t frame_bytes) const {
  return pending_records_ >= queue_records_ || (pending_records_ > 0 && pending_.size() + frame_bytes > queue_bytes_);
}

Result<std::uint64_t> LogWriter::append_locked(std::string_view payload, std::uint32_t crc, bool hurry) {
  const std::size_t frame = kLogFrameBytes + payload.size();
  if (end_ + frame > file_bytes_) {
    return fail(Code::kResourceExhausted,
                fmt::format("{} has reached its limit of {} bytes (kLogFileBytes)", path_, file_bytes_));
  }
  append_frame(pending_, {0, 0, ++last_, durable_}, crc, payload);
  ++pending_records_;
  end_ += frame;
  if (hurry) wanted_ = last_;
  if (idle_) work_.notify_one();
  return last_;
}

Result<std::uint64_t> LogWriter::append(std::string_view payload, Durability durability) {
  REMIT_CHECK_OK(check_record(payload));
  const std::uint32_t crc = payload_crc(header_.salt, payload);
  Lock lock(mutex_);
  if (failure_) return fail(*failure_);
  if (queue_full(kLogFrameBytes + payload.size())) {
    return fail(Code::kResourceExhausted,
                fmt::format("the queue of {} is full ({} records, {} bytes; limits kLogQueueRecords {}, kLogQueueBytes "
                            "{}): the disk does "
                            "not keep up; try again",
                            path_, pending_records_, pending_.size(), queue_records_, queue_bytes_));
  }
  return append_locked(payload, crc, durability == Durability::kNow);
}

Task<Result<std::uint64_t>> LogWriter::append_durable(std::string payload) {
  REMIT_CO_CHECK_OK(check_record(payload));
  const std::uint32_t crc = payload_crc(header_.salt, payload);
  const std::size_t frame = kLogFrameBytes + payload.size();
  std::uint64_t sequence = 0;
  for (;;) {
    {
      Lock lock(mutex_);
      if (failure_) co_return fail(*failure_);
      if (!queue_full(frame)) {
        REMIT_CO_TRY(sequence, append_locked(payload, crc, true));
        break;
      }
    }
    if (auto error = co_await wait_for_room(frame)) co_return fail(std::move(*error));
  }
  REMIT_CO_CHECK_OK(co_await wait_durable(sequence));
  co_return sequence;
}

void LogWriter::want(std::uint64_t sequence) {
  if (sequence <= wanted_) return;
  wanted_ = sequence;
  if (idle_) work_.notify_one();
}

Task<Result<>> LogWriter::wait_durable(std::uint64_t sequence) {
  {
    Lock lock(mutex_);
    if (sequence <= durable_) co_return Result<>{};
    if (failure_) co_return fail(*failure_);
    if (sequence > last_) co_return fail(invalid_argument(fmt::format("{} has no record {} yet", path_, sequence)));
  }
  if (auto error = co_await park(sequence)) co_return fail(std::move(*error));
  co_return Result<>{};
}

Result<> LogWriter::wait_durable_blocking(std::uint64_t sequence) {
  Lock lock(mutex_);
  if (sequence > last_) return fail(invalid_argument(fmt::format("{} has no record {} yet", path_, sequence)));
  if (sequence > durable_) want(sequence);
  ++blocked_;
  if (gather_target_ > 0 && waiters() >= gather_target_) work_.notify_one();
  progress_.wait(lock, [&] { return durable_ >= sequence || failure_; });
  --blocked_;
  if (durable_ >= sequence) return {};
  return fail(*failure_);
}

Task<LogWriter::Outcome> LogWriter::park(std::uint64_t sequence) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto initiate = [this, sequence, &executor](auto handler) {
    add_waiter(sequence, {asio::make_work_guard(executor), std::move(handler)});
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(initiate, asio::use_awaitable);
}

Task<LogWriter::Outcome> LogWriter::wait_for_room(std::size_t frame_bytes) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const auto initiate = [this, frame_bytes, &executor](auto handler) {
    add_room_waiter(frame_bytes, {asio::make_work_guard(executor), std::move(handler)});
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(initiate, asio::use_awaitable);
}

void LogWriter::add_waiter(std::uint64_t sequence, Waiter waiter) {
  Lock lock(mutex_);
  if (sequence > durable_ && !failure_) {
    want(sequence);
    waiting_.emplace(sequence, std::move(waiter));
    if (gather_target_ > 0 && waiters() >= gather_target_) work_.notify_one();
    return;
  }
  Finished finished{{}, sequence > durable_ ? failure_ : std::nullopt};
  lock.unlock();
  finished.waiters.push_back(std::move(waiter));
  resume(std::move(finished));
}

void LogWriter::add_room_waiter(std::size_t frame_bytes, Waiter waiter) {
  Lock lock(mutex_);
  if (queue_full(frame_bytes) && !failure_) {
    waiting_for_room_.push_back(std::move(waiter));
    return;
  }
  Finished finished{{}, failure_};
  lock.unlock();
  finished.waiters.push_back(std::move(waiter));
  resume(std::move(finished));
}

// One hand-over per executor, however many wait on it.
void LogWriter::resume(Finished finished) {
  std::vector<std::pair<asio::any_io_executor, std::vector<Waiter>>> batches;
  for (auto& waiter : finished.waiters) {
    const asio::any_io_executor executor = waiter.work.get_executor();
    auto batch = std::ranges::find(batches, executor, &decltype(batches)::value_type::first);
    if (batch == batches.end()) batch = batches.emplace(batches.end(), executor, std::vector<Waiter>{});
    batch->second.push_back(std::move(waiter));
  }
  for (auto& batch : batches) {
    asio::post(batch.first, [group = std::move(batch.second), outcome = finished.outcome]() mutable {
      for (auto& waiter : group) waiter.resume(outcome);
    });
  }
}

Result<> LogWriter::close() {
  {
    Lock lock(mutex_);
    closing_ = true;
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  Lock lock(mutex_);
  if (durable_ == last_) return {};
  return fail(*failure_);
}

std::uint64_t LogWriter::last_sequence() const {
  Lock lock(mutex_);
  return last_;
}

std::uint64_t LogWriter::durable_sequence() const {
  Lock lock(mutex_);
  return durable_;
}

std::optional<Error> LogWriter::failure() const {
  Lock lock(mutex_);
  return failure_;
}

LogStats LogWriter::stats() const {
  Lock lock(mutex_);
  return stats_;
}

// The writing thread.

bool LogWriter::must_sync() const {
  return written_ > durable_ && (wanted_ > durable_ || closing_ || now() >= *unsynced_since_ + group_delay_);
}

bool LogWriter::has_work() const { return pending_records_ > 0 || must_sync() || closing_; }

void LogWriter::run() {
  Lock lock(mutex_);
  while (!failure_) {
    idle_ = true;
    while (!has_work()) {
      if (written_ == durable_) {
        work_.wait(lock);
      } else {
        work_.wait_until(lock, *unsynced_since_ + group_delay_);
      }
    }
    idle_ = false;
    if (wanted_ > durable_) gather(lock);
    if (pending_records_ > 0) write_pending(lock);
    if (!failure_ && must_sync()) sync(lock);
    if (closing_ && durable_ == last_ && !failure_) {
      fail_all(lock, Error(Code::kFailedPrecondition, path_ + " is closed"));
    }
  }
}

// The callers of the last group tend to come back together; a sync for the first of them alone would make the others
// wait for two.
void LogWriter::gather(Lock& lock) {
  if (last_group_ < 2 || waiters() >= last_group_ || closing_) return;
  gather_target_ = last_group_;
  const auto ready = [this] { return waiters() >= gather_target_ || closing_; };
  work_.wait_for(lock, std::min<Duration>(last_sync_ / kGatherFraction, kGatherMost), ready);
  gather_target_ = 0;
}

void LogWriter::write_pending(Lock& lock) {
  std::string frames;
  std::swap(frames, pending_);
  pending_records_ = 0;
  const std::uint64_t last = last_;
  const std::uint64_t offset = file_end_;
  Finished finished{std::exchange(waiting_for_room_, {}), std::nullopt};
  lock.unlock();
  resume(std::move(finished));
  const auto written = write_fully(*file_, offset, frames);
  lock.lock();
  if (!written) return fail_all(lock, written.error());
  file_end_ += frames.size();
  stats_.records += last - written_;
  stats_.bytes += frames.size();
  if (written_ == durable_) unsynced_since_ = now();
  written_ = last;
  // The buffer goes back, so that the next group need not grow a new one.
  frames.clear();
  if (pending_.empty() && frames.capacity() <= kLogRecordBytes) std::swap(frames, pending_);
}

std::vector<LogWriter::Waiter> LogWriter::take_durable_waiters() {
  std::vector<Waiter> done;
  const auto end = waiting_.upper_bound(durable_);
  for (auto at = waiting_.begin(); at != end; ++at) done.push_back(std::move(at->second));
  waiting_.erase(waiting_.begin(), end);
  return done;
}

void LogWriter::sync(Lock& lock) {
  const std::uint64_t target = written_;
  lock.unlock();
  const SteadyTime begin = now();
  const auto synced = file_->sync();
  const Duration took = now() - begin;
  lock.lock();
  if (!synced) return fail_all(lock, synced.error());
  durable_ = target;
  ++stats_.syncs;
  last_sync_ = took;
  Finished finished{take_durable_waiters(), std::nullopt};
  last_group_ = finished.waiters.size() + blocked_;
  progress_.notify_all();
  lock.unlock();
  resume(std::move(finished));
  lock.lock();
}

// After this nothing is written or acknowledged any more.
void LogWriter::fail_all(Lock& lock, const Error& error) {
  failure_ = closing_ && durable_ == last_
                 ? error
                 : error.wrap(path_ + " takes no more records (free or repair the disk, then resume the run)");
  Finished finished{std::exchange(waiting_for_room_, {}), failure_};
  for (auto& [sequence, waiter] : waiting_) finished.waiters.push_back(std::move(waiter));
  waiting_.clear();
  pending_.clear();
  pending_records_ = 0;
  progress_.notify_all();
  lock.unlock();
  resume(std::move(finished));
  lock.lock();
}

}  // namespace remit::store
