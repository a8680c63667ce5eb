#include "action/run_log.h"

#include "base/strings.h"

namespace remit::action {

Result<std::uint64_t> RunLog::append(RecordBody body, std::uint64_t call, std::uint64_t parent) {
  const RunRecord record{last_ + 1, clock_.wall_now(), call, parent, std::move(body)};
  std::string bytes = to_json(to_json_object(record));
  // File names and the words of other programs may hold any bytes; the log must stay readable, or the run could never
  // be resumed.
  if (!is_valid_utf8(bytes)) bytes = to_valid_utf8(bytes);
  REMIT_CHECK_OK(write(record.sequence, std::move(bytes)));
  last_ = record.sequence;
  notify(record);
  return record.sequence;
}

void RunLog::replay(const RunRecord& record) {
  last_ = record.sequence;
  notify(record);
}

void RunLog::notify(const RunRecord& record) {
  for (const auto& observer : observers_) observer(record);
}

}  // namespace remit::action
