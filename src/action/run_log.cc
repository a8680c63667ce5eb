#include "action/run_log.h"

namespace remit::action {

Result<std::uint64_t> RunLog::append(RecordBody body, std::uint64_t call, std::uint64_t parent) {
  const RunRecord record{last_ + 1, clock_.wall_now(), call, parent, std::move(body)};
  REMIT_CHECK_OK(write(record.sequence, to_json(to_json_object(record))));
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
