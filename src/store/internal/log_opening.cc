#include "store/internal/log_opening.h"

#include <fmt/format.h>

#include <array>

#include "store/log_reader.h"

namespace remit::store {
namespace {

constexpr std::size_t kMigrationBufferBytes = 1u << 20;

// The file gets its name only when its header is on the disk, so that a log without a whole header does not exist.
Result<> give_name(FileSystem& files, File& file, const std::string& temporary, const std::string& path) {
  REMIT_CHECK_OK(file.sync());
  REMIT_CHECK_OK(files.rename(temporary, path));
  return files.sync_folder_of(path);
}

Result<OpenedLog> create(FileSystem& files, const std::string& path, Rng& rng, const LogSchema& schema) {
  const std::string temporary = path + ".new";
  OpenedLog log;
  log.header = {kLogFormat, schema.version(), rng.next()};
  REMIT_TRY(log.file, files.open(temporary, OpenMode::kReplace));
  REMIT_CHECK_OK(log.file->lock());
  const auto header = encode_header(log.header);
  REMIT_CHECK_OK(write_fully(*log.file, 0, {header.data(), header.size()}));
  REMIT_CHECK_OK(give_name(files, *log.file, temporary, path));
  return log;
}

// Rewrites the log with every payload in the newest schema. Until the rename the old file is the log.
Result<OpenedLog> migrate(FileSystem& files, const std::string& path, Rng& rng, const LogSchema& schema) {
  const std::string temporary = path + ".migrating";
  REMIT_TRY(LogReader reader, LogReader::open(files, path, schema));
  OpenedLog log;
  log.header = {kLogFormat, schema.version(), rng.next()};
  REMIT_TRY(log.file, files.open(temporary, OpenMode::kReplace));
  REMIT_CHECK_OK(log.file->lock());
  const auto header = encode_header(log.header);
  REMIT_CHECK_OK(write_fully(*log.file, 0, {header.data(), header.size()}));
  std::string frames;
  for (;;) {
    REMIT_TRY(const auto record, reader.next());
    if (record) {
      append_frame(frames, {0, 0, record->sequence, record->sequence - 1},
                   payload_crc(log.header.salt, record->payload), record->payload);
      log.last_sequence = record->sequence;
    }
    if (!record || frames.size() >= kMigrationBufferBytes) {
      REMIT_CHECK_OK(write_fully(*log.file, log.end, frames));
      log.end += frames.size();
      frames.clear();
    }
    if (!record) break;
  }
  REMIT_TRY(log.cut_bytes, reader.tail_bytes());
  REMIT_CHECK_OK(give_name(files, *log.file, temporary, path));
  return log;
}

// Cuts what was left half-written, and makes sure of the rest: a killed process may have written records without
// syncing them.
Result<> recover(FileSystem& files, const std::string& path, const LogSchema& schema, OpenedLog& log) {
  REMIT_TRY(LogReader reader, LogReader::open(files, path, schema));
  for (;;) {
    REMIT_TRY(const auto record, reader.next());
    if (!record) break;
  }
  log.end = reader.offset();
  log.last_sequence = reader.last_sequence();
  REMIT_TRY(log.cut_bytes, reader.tail_bytes());
  if (log.cut_bytes > 0) REMIT_CHECK_OK(log.file->truncate(log.end));
  return log.file->sync();
}

}  // namespace

Result<OpenedLog> open_log_file(FileSystem& files, const std::string& path, Rng& rng, const LogSchema& schema) {
  REMIT_TRY(const bool exists, files.exists(path));
  if (!exists) return create(files, path, rng, schema);
  OpenedLog log;
  REMIT_TRY(log.file, files.open(path, OpenMode::kReadWrite));
  REMIT_CHECK_OK(log.file->lock());
  REMIT_TRY(const LogReader reader, LogReader::open(files, path, schema));
  log.header = reader.header();
  if (log.header.schema != schema.version()) return migrate(files, path, rng, schema);
  REMIT_CHECK_OK(recover(files, path, schema, log));
  return log;
}

}  // namespace remit::store
