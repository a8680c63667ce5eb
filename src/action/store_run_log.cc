#include "action/store_run_log.h"

#include "store/log_reader.h"

namespace remit::action {

Result<> StoreRunLog::write(std::uint64_t sequence, std::string bytes) {
  REMIT_TRY(const auto given, log_->append(bytes));
  if (given != sequence)
    return fail(internal_error(fmt::format("the run log gave number {} to record {}", given, sequence)));
  return {};
}

Result<std::vector<RunRecord>> read_run_log(store::FileSystem& files, const std::string& path) {
  REMIT_TRY(auto reader, store::LogReader::open(files, path));
  std::vector<RunRecord> records;
  for (;;) {
    REMIT_TRY(auto next, reader.next());
    if (!next) return records;
    auto object = parse_json_object(next->payload);
    auto record = object ? run_record_from_json(*object) : Result<RunRecord>(fail(object.error()));
    if (!record) return fail(record.error().wrap(fmt::format("{}: record {}", path, next->sequence)));
    records.push_back(std::move(*record));
  }
}

}  // namespace remit::action
