// ShellExecutor: carries out shell.run. Each command gets a sandbox and a workspace layer of its own; when everything
// in the sandbox is dead, each path that changed is judged as a file action, what was permitted is merged into the
// run's files, and the rest is dropped and reported.
//
// Order for crash safety: command ends → paths judged → Executed is durable → merge → Settled. A resume redoes the
// merge from the Executed record. One shard's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>

#include "core/event_channel.h"
#include "core/executor.h"
#include "core/governor.h"
#include "sandbox/launcher.h"
#include "sandbox/workspace.h"

namespace remit::sandbox {

class ShellExecutor final : public Executor {
 public:
  struct Parts {
    asio::any_io_executor executor;
    asio::thread_pool& file_pool;
    Workspace& workspace;
    Launcher& launcher;
    Limits limits;  // Of each command; wall_time is the upper bound for timeout_s.
  };
  explicit ShellExecutor(Parts parts) : parts_(std::move(parts)) {}
  void set_governor(Governor& governor) { governor_ = &governor; }

  std::unique_ptr<Call> start(Permit&& permit, CallContext context) override;

 private:
  Task<Outcome> run(std::shared_ptr<Permit> permit, CallContext context, std::shared_ptr<EventSink> sink);
  Task<Result<std::unique_ptr<Process>>> launch(const Action& action, const Layer& layer);

  Parts parts_;
  Governor* governor_ = nullptr;
};

}  // namespace remit::sandbox
