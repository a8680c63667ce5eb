#include "gateway/door.h"

#include "gateway/detail/call_pump.h"

namespace remit::gateway {
namespace {

// Keeps a call on the list of those under way.
class UnderWay {
 public:
  UnderWay(std::shared_ptr<Corridor> corridor, std::shared_ptr<StopSignal> stop)
      : corridor_(std::move(corridor)), stop_(std::move(stop)) {
    corridor_->under_way.insert(stop_);
  }
  ~UnderWay() {
    stop_->on_cancel(nullptr);
    corridor_->under_way.erase(stop_);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  const std::shared_ptr<Corridor> corridor_;
  const std::shared_ptr<StopSignal> stop_;
};

}  // namespace

Task<> carry(std::shared_ptr<Corridor> corridor, Action action, CallContext context, std::shared_ptr<StopSignal> stop,
             WhenClientGoes when_client_goes, std::shared_ptr<Encoder> encoder) {
  const UnderWay under_way(corridor, stop);
  const std::string tool = action.tool, resource = action.resource;
  auto governed = co_await corridor->pipeline.govern(std::move(action), std::move(context));
  if (!governed.call) {
    auto explanation = explain_to_agent(governed.verdict, tool, resource);
    (void)co_await encoder->refused(std::move(governed.verdict), std::move(explanation));
    co_return;
  }
  CallPump pump(corridor->executor, corridor->clock, std::move(governed.call), corridor->limits.keep_alive);
  stop->on_cancel([&pump](CancelReason reason) { pump.cancel(reason); });
  bool listening = true;
  for (;;) {
    auto event = co_await pump.next();
    auto* done = event ? std::get_if<Done>(&*event) : nullptr;
    if (done) {
      if (listening) (void)co_await encoder->done(std::move(done->outcome));
      co_return;
    }
    if (!listening) continue;
    const auto said = event ? co_await encoder->event(std::move(*event)) : co_await encoder->tick();
    if (said) continue;
    listening = false;
    if (when_client_goes == WhenClientGoes::kCancel) stop->cancel(CancelReason::kClient);
  }
}

}  // namespace remit::gateway
