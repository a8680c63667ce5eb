// StoreRunLog: the run log on disk. One thread.
#pragma once

#include <memory>
#include <string>

#include "action/run_log.h"
#include "store/log.h"

namespace remit::action {

class StoreRunLog final : public RunLog {
 public:
  // `clock` and `log` must outlive it. Before the first append of a resumed run, replay() every record that the log
  // holds.
  StoreRunLog(const Clock& clock, std::unique_ptr<store::Log> log) : RunLog(clock), log_(std::move(log)) {}

  Task<Result<>> wait_durable(std::uint64_t sequence) override { return log_->wait_durable(sequence); }
  store::Log& log() { return *log_; }

 protected:
  Result<> write(std::uint64_t sequence, std::string bytes) override;

 private:
  std::unique_ptr<store::Log> log_;
};

// Reads a whole run log. A torn tail is no error.
Result<std::vector<RunRecord>> read_run_log(store::FileSystem& files, const std::string& path);

}  // namespace remit::action
