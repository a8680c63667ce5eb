// Running: the state of one sandbox, shared by its handle, its streams and the hub.
#pragma once

#include <memory>
#include <optional>

#include "sandbox/process.h"
#include "sandbox/spec.h"
#include "sandbox/tier/bridge_socket.h"
#include "sandbox/tier/hub.h"
#include "sandbox/tier/output_pipe.h"
#include "sandbox/tier/signal_flag.h"

namespace remit::sandbox {

class Running final : public ReplyHandler, public std::enable_shared_from_this<Running> {
 public:
  Running(std::shared_ptr<Hub> hub, Spec spec);

  // Makes the pipes, sends the request, waits until the command runs.
  static Task<Result<>> start(std::shared_ptr<Running> self);

  static Task<std::optional<Output>> next_output(std::shared_ptr<Running> self);
  static Task<ExitReport> wait(std::shared_ptr<Running> self);
  void kill(EndedBy why, bool at_once);
  const std::shared_ptr<BridgeSocket>& bridge() const { return bridge_; }

  void on_started(const wire::Started& started) override;
  void on_failed(const wire::Failed& failed) override;
  void on_done(const wire::Done& done) override;
  void on_lost() override;

 private:
  struct Descriptors {
    std::vector<UniqueFd> own;  // Closed once they are sent.
    std::vector<int> fds;
    std::vector<int> numbers;
  };

  Result<Descriptors> make_descriptors();
  Result<UniqueFd> make_stdin() const;
  Result<UniqueFd> make_output(std::shared_ptr<OutputPipe>& pipe);
  void drain_outputs();
  void end(ExitReport report);
  bool outputs_ended() const;
  bool replaces(int number) const;

  std::shared_ptr<Hub> hub_;
  Spec spec_;
  std::uint64_t id_ = 0;
  SignalFlag changed_;
  std::shared_ptr<OutputPipe> stdout_, stderr_;
  std::shared_ptr<BridgeSocket> bridge_;
  std::uint64_t asked_ns_ = 0, started_ns_ = 0;
  std::optional<Error> failed_;
  std::optional<ExitReport> report_;
  EndedBy kill_reason_ = EndedBy::kCancelled;
  bool killed_ = false;
};

}  // namespace remit::sandbox
