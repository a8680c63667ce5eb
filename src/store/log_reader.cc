#include "store/log_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace remit::store {
namespace {

constexpr std::size_t kReadAhead = 256u << 10;
constexpr std::size_t kScanWindow = 1u << 20;
// Checksum work that the search for later frames may do before it gives up; only a file made to waste our time needs
// more.
constexpr std::uint64_t kScanChecksumBytes = 256u << 20;

}  // namespace

LogReader::LogReader(std::unique_ptr<File> file, std::string path, LogHeader header, LogSchema schema)
    : file_(std::move(file)), path_(std::move(path)), header_(header), schema_(std::move(schema)) {}

Result<LogReader> LogReader::open(FileSystem& files, std::string path, LogSchema schema) {
  REMIT_TRY(auto file, files.open(path, OpenMode::kRead));
  std::array<char, kLogHeaderBytes> bytes;
  REMIT_TRY(const std::size_t count, read_fully(*file, 0, bytes));
  REMIT_TRY(const LogHeader header, decode_header({bytes.data(), count}, path));
  if (header.schema > schema.version()) {
    return fail(
        Code::kFailedPrecondition,
        fmt::format(
            "{} has records of schema {}, and this Remit knows schemas up to {}; use the newer Remit that wrote it",
            path, header.schema, schema.version()));
  }
  return LogReader(std::move(file), std::move(path), header, std::move(schema));
}

// Makes `bytes` bytes of the file available from offset_ on; false when it ends before.
Result<bool> LogReader::fill(std::size_t bytes) {
  if (buffer_.size() - begin_ >= bytes) return true;
  buffer_.erase(0, begin_);
  begin_ = 0;
  const std::size_t have = buffer_.size();
  buffer_.resize(std::max(bytes, kReadAhead));
  auto count = read_fully(*file_, offset_ + have, std::span(buffer_).subspan(have));
  buffer_.resize(have + (count ? *count : 0));
  if (!count) return fail(std::move(count).error());
  return buffer_.size() >= bytes;
}

// The frame at offset_, when it is whole.
Result<std::optional<LogRecord>> LogReader::read_frame() {
  REMIT_TRY(const bool has_head, fill(kLogFrameBytes));
  if (!has_head) return std::nullopt;
  const FrameHead head = decode_frame_head(buffer_.data() + begin_);
  if (head.sequence != sequence_ + 1 || head.length == 0 || head.length > kLogRecordBytes) return std::nullopt;
  REMIT_TRY(const bool has_payload, fill(kLogFrameBytes + head.length));
  if (!has_payload) return std::nullopt;
  const std::string_view payload(buffer_.data() + begin_ + kLogFrameBytes, head.length);
  if (frame_crc(payload_crc(header_.salt, payload), head) != head.crc) return std::nullopt;
  LogRecord record{head.sequence, offset_, std::string(payload)};
  begin_ += kLogFrameBytes + head.length;
  offset_ += kLogFrameBytes + head.length;
  sequence_ = head.sequence;
  return record;
}

Result<std::optional<LogRecord>> LogReader::next() {
  REMIT_TRY(auto record, read_frame());
  if (!record) {
    REMIT_TRY(const auto later, find_acknowledged_later());
    // What was read ahead may be older than the file is by now.
    buffer_.clear();
    begin_ = 0;
    if (!later) return std::nullopt;
    // A writer may have finished the frame between the two looks; then it is whole now.
    REMIT_TRY(record, read_frame());
    if (!record) {
      return fail(Code::kDataLoss,
                  fmt::format("{} is damaged at offset {}: record {} is not whole, but a later one at offset {} says "
                              "that it was on the disk; restore the file from a copy",
                              path_, offset_, sequence_ + 1, *later));
    }
  }
  if (header_.schema != schema_.version()) {
    auto migrated = schema_.migrate(header_.schema, std::move(record->payload));
    if (!migrated) return fail(migrated.error().wrap(fmt::format("{}, record {}", path_, record->sequence)));
    record->payload = std::move(*migrated);
  }
  return record;
}

// Whether a frame begins at `at` that can only have been written after the record that we miss had been acknowledged.
Result<bool> LogReader::proves_loss(std::uint64_t at, const FrameHead& head, std::uint64_t file_size) {
  const std::uint64_t missing = sequence_ + 1;
  const bool plausible = head.sequence > missing && head.sequence - missing <= (file_size - offset_) / kLogFrameBytes &&
                         head.durable >= missing && head.durable < head.sequence && head.length > 0 &&
                         head.length <= kLogRecordBytes && head.length <= file_size - at - kLogFrameBytes;
  if (!plausible) return false;
  std::string payload(head.length, '\0');
  REMIT_TRY(const std::size_t count, read_fully(*file_, at + kLogFrameBytes, payload));
  return count == payload.size() && frame_crc(payload_crc(header_.salt, payload), head) == head.crc;
}

// Looks behind a frame that is not whole for one that shows that records were lost; returns its offset.
Result<std::optional<std::uint64_t>> LogReader::find_acknowledged_later() {
  REMIT_TRY(const std::uint64_t size, file_->size());
  std::uint64_t checked = 0;
  std::string window;
  for (std::uint64_t from = offset_ + 1; from + kLogFrameBytes <= size; from += kScanWindow) {
    window.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kScanWindow + kLogFrameBytes - 1, size - from)));
    REMIT_TRY(const std::size_t count, read_fully(*file_, from, window));
    for (std::size_t i = 0; i + kLogFrameBytes <= count; ++i) {
      const FrameHead head = decode_frame_head(window.data() + i);
      if (head.sequence <= sequence_ || head.durable <= sequence_) continue;
      REMIT_TRY(const bool proof, proves_loss(from + i, head, size));
      if (proof) return from + i;
      if (head.length <= kLogRecordBytes) checked += head.sequence - sequence_ <= size ? head.length : 0;
      if (checked > kScanChecksumBytes) return from + i;
    }
  }
  return std::nullopt;
}

Task<Result<LogRecord>> LogReader::follow(Clock* clock) {
  for (;;) {
    auto record = next();
    if (!record) co_return fail(std::move(record).error());
    if (*record) co_return std::move(**record);
    if (!co_await clock->sleep_for(kLogFollowInterval)) co_return fail(Code::kCancelled, "stopped following " + path_);
  }
}

Result<std::uint64_t> LogReader::tail_bytes() {
  REMIT_TRY(const std::uint64_t size, file_->size());
  return size > offset_ ? size - offset_ : 0;
}

}  // namespace remit::store
