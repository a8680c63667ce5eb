#include "core/event_channel.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace remit {

void EventSink::push(Event event) {
  events_.push_back(std::move(event));
  readable_.cancel();
}

Task<> EventSink::send(Event event) {
  while (events_.size() >= kEventChannelDepth && !cancelled_) {
    co_await writable_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  if (!cancelled_) push(std::move(event));
}

void EventSink::on_cancel(std::function<void(CancelReason)> hook) {
  if (cancelled_) {
    if (hook) hook(*cancelled_);
  } else {
    on_cancel_ = std::move(hook);
  }
}

void EventSink::cancel(CancelReason reason) {
  if (cancelled_) return;
  cancelled_ = reason;
  writable_.cancel();
  if (auto hook = std::exchange(on_cancel_, nullptr)) hook(reason);
}

class ChannelCall final : public Call {
 public:
  explicit ChannelCall(asio::any_io_executor executor) : sink_(std::make_shared<EventSink>(std::move(executor))) {}
  ~ChannelCall() override { sink_->cancel(CancelReason::kClient); }

  Task<Event> next() override {
    auto sink = sink_;
    while (sink->events_.empty()) co_await sink->readable_.async_wait(asio::as_tuple(asio::use_awaitable));
    Event event = std::move(sink->events_.front());
    sink->events_.pop_front();
    sink->writable_.cancel();
    co_return event;
  }

  void cancel(CancelReason reason) override { sink_->cancel(reason); }

  std::shared_ptr<EventSink> sink() { return sink_; }

  static Task<> run(std::shared_ptr<EventSink> sink, std::function<Task<Outcome>(std::shared_ptr<EventSink>)> body) {
    Outcome outcome;
    try {
      outcome = co_await body(sink);
    } catch (const std::exception& e) {
      // A library threw through an executor: the call fails, the shard lives on.
      outcome = failed_outcome(internal_error(std::string("the executor failed: ") + e.what()));
    }
    sink->push(Done{std::move(outcome)});
  }

 private:
  std::shared_ptr<EventSink> sink_;
};

std::unique_ptr<Call> make_call(asio::any_io_executor executor,
                                std::function<Task<Outcome>(std::shared_ptr<EventSink>)> body) {
  auto call = std::make_unique<ChannelCall>(executor);
  asio::co_spawn(executor, ChannelCall::run(call->sink(), std::move(body)), asio::detached);
  return call;
}

Outcome failed_outcome(Error error) {
  Outcome outcome;
  outcome.text = error.to_string();
  outcome.error = std::move(error);
  return outcome;
}

}  // namespace remit
