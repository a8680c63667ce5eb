// RunLog: the writer of one run's log, as the pipeline and the agent see it. One thread: the shard of the run's
// mission.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/task.h"
#include "core/run_record.h"

namespace remit::action {

class RunLog {
 public:
  using Observer = std::function<void(const RunRecord&)>;

  explicit RunLog(const Clock& clock) : clock_(clock) {}
  virtual ~RunLog() = default;

  // Gives the record its number and time and appends it; it becomes durable with its group. After a failure every later
  // append fails too: what cannot be recorded does not happen.
  Result<std::uint64_t> append(RecordBody body, std::uint64_t call = 0, std::uint64_t parent = 0);
  virtual Task<Result<>> wait_durable(std::uint64_t sequence) = 0;

  // Observers see each record after it was appended, in order, on this thread. They may not append. They live as long
  // as the log.
  void observe(Observer observer) { observers_.push_back(std::move(observer)); }

  // Shows the observers a record that the log already held when it was opened, on resume.
  void replay(const RunRecord& record);

 protected:
  // Appends the encoded record; it must carry `sequence`.
  virtual Result<> write(std::uint64_t sequence, std::string bytes) = 0;

 private:
  void notify(const RunRecord& record);

  const Clock& clock_;
  std::uint64_t last_ = 0;
  std::vector<Observer> observers_;
};

}  // namespace remit::action
