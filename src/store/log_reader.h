// LogReader: reads a log from its start, also while another process writes it.
//
// Promises: records come whole, in order and without gaps, their payloads migrated to the newest schema. What is torn
// or not yet whole at the end of the file is no error: next() returns nothing and may be called again later. Damage
// before acknowledged records is kDataLoss and names the offset. A reader of a live log may see a record shortly before
// it is durable. One thread; independent of any Log.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "store/file_system.h"
#include "store/log_format.h"

namespace remit::store {

inline constexpr Duration kLogFollowInterval = std::chrono::milliseconds(25);

struct LogRecord {
  std::uint64_t sequence = 0;
  std::uint64_t offset = 0;  // Of its frame in the file.
  std::string payload;
};

class LogReader {
 public:
  // kNotFound: no such log. kFailedPrecondition: a newer Remit wrote it.
  static Result<LogReader> open(FileSystem& files, std::string path, LogSchema schema = {});

  // The next record, or nothing at the end of what is whole so far.
  Result<std::optional<LogRecord>> next();
  // The next record, waiting for it as long as it takes. Cancellable: then kCancelled.
  Task<Result<LogRecord>> follow(Clock* clock);

  std::uint64_t offset() const { return offset_; }           // Where the next record begins.
  std::uint64_t last_sequence() const { return sequence_; }  // Of the last record returned.
  // Bytes after the last whole record: a torn tail, or a record being written.
  Result<std::uint64_t> tail_bytes();
  const LogHeader& header() const { return header_; }

 private:
  LogReader(std::unique_ptr<File> file, std::string path, LogHeader header, LogSchema schema);
  Result<bool> fill(std::size_t bytes);
  Result<std::optional<LogRecord>> read_frame();
  Result<std::optional<std::uint64_t>> find_acknowledged_later();
  Result<bool> proves_loss(std::uint64_t at, const FrameHead& head, std::uint64_t file_size);

  std::unique_ptr<File> file_;
  std::string path_;
  LogHeader header_;
  LogSchema schema_;
  std::uint64_t offset_ = kLogHeaderBytes;
  std::uint64_t sequence_ = 0;
  std::string buffer_;  // Read ahead; buffer_[begin_] is the byte at offset_.
  std::size_t begin_ = 0;
};

}  // namespace remit::store
