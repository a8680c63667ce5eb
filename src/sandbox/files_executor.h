// FilesExecutor: carries out files.list, files.read and files.write on the run's view of the workspace, without a
// sandbox: the trusted code is ours and every path is resolved beneath the workspace. A write is also a file action of
// its own (workspace.write). One shard's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/executor.h"
#include "core/governor.h"
#include "sandbox/workspace.h"

namespace remit::sandbox {

inline constexpr std::size_t kListToolEntries = 2000;
inline constexpr std::size_t kListToolDepth = 16;

class FilesExecutor final : public Executor {
 public:
  // All of them must outlive the executor's calls. `governor` is set once, before the first call.
  FilesExecutor(asio::any_io_executor executor, asio::thread_pool& file_pool, Workspace& workspace)
      : executor_(std::move(executor)), file_pool_(file_pool), workspace_(workspace) {}
  void set_governor(Governor& governor) { governor_ = &governor; }

  std::unique_ptr<Call> start(Permit&& permit, CallContext context) override;

 private:
  Task<Outcome> run(std::shared_ptr<Permit> permit, CallContext context);
  Task<Outcome> list(const Action& action);
  Task<Outcome> read(const Action& action);
  Task<Outcome> write(const Action& action, CallContext context);

  asio::any_io_executor executor_;
  asio::thread_pool& file_pool_;
  Workspace& workspace_;
  Governor* governor_ = nullptr;
};

// The action that one changed path is: judged as workspace.write.
Action file_change_action(const FileChange& change);

}  // namespace remit::sandbox
