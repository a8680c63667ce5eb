#include "resource/embedded_store.h"

#include <fmt/format.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>

#include "resource/embedded/worker.h"

namespace remit::resource {

namespace {

enum class RequestKind : std::uint8_t { kRead, kWrite, kAlone };

template <typename T>
using Work = std::move_only_function<Result<T>(Operations&)>;

// One call whose caller waits in `done`.
template <typename T>
class CallRequest final : public Request {
 public:
  CallRequest(RequestKind kind, Work<T> work) : kind_(kind), work_(std::move(work)) {}

  // To be set before the request is submitted; called once.
  std::move_only_function<void(Result<T>)> done;

  bool writes() const override { return kind_ != RequestKind::kRead; }
  bool alone() const override { return kind_ == RequestKind::kAlone; }
  bool run(Operations& operations) override {
    result_.emplace(work_(operations));
    return result_->has_value();
  }
  void fail(const Error& error) override { result_.emplace(remit::fail(error)); }
  void finish() override { done(std::move(*result_)); }

 private:
  RequestKind kind_;
  Work<T> work_;
  std::optional<Result<T>> result_;
};

// Gives `handler` its result on its own executor, and keeps that executor's context running until then.
template <typename T, typename Handler>
std::move_only_function<void(Result<T>)> completion(Handler handler) {
  auto executor = asio::get_associated_executor(handler);
  auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
  return [handler = std::move(handler), work = std::move(work)](Result<T> result) mutable {
    asio::post(work, [handler = std::move(handler), result = std::move(result)]() mutable {
      std::move(handler)(std::move(result));
    });
  };
}

template <typename T>
Task<Result<T>> call(std::shared_ptr<Worker> worker, RequestKind kind, Work<T> work) {
  auto request = std::make_unique<CallRequest<T>>(kind, std::move(work));
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<T>)>(
      [](auto handler, std::shared_ptr<Worker> to, std::unique_ptr<CallRequest<T>> made) {
        made->done = completion<T>(std::move(handler));
        std::unique_ptr<Request> request = std::move(made);
        if (to->submit(request)) return;
        request->fail({Code::kResourceExhausted,
                       fmt::format("{} calls wait for the store already; try again", limits::kStoreQueue)});
        request->finish();
      },
      asio::use_awaitable, std::move(worker), std::move(request));
}

class EmbeddedWatch final : public Watch {
 public:
  explicit EmbeddedWatch(std::shared_ptr<WatchState> state) : state_(std::move(state)) {}
  ~EmbeddedWatch() override { state_->close(); }
  Task<Result<WatchEvent>> next() override { return state_->next(); }
  void close() override { state_->close(); }

 private:
  std::shared_ptr<WatchState> state_;
};

}  // namespace

class EmbeddedStore::Impl {
 public:
  Impl(ObjectTable table, EmbeddedStoreOptions options) : worker(std::make_shared<Worker>(std::move(table), options)) {}
  std::shared_ptr<Worker> worker;
};

EmbeddedStore::EmbeddedStore(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
EmbeddedStore::~EmbeddedStore() = default;

Result<std::unique_ptr<EmbeddedStore>> EmbeddedStore::open(std::string path, EmbeddedStoreOptions options) {
  if (!options.clock || !options.rng) return fail(internal_error("EmbeddedStore needs a clock and an rng"));
  REMIT_TRY(auto table, ObjectTable::open(path));
  return std::unique_ptr<EmbeddedStore>(new EmbeddedStore(std::make_shared<Impl>(std::move(table), options)));
}

Task<Result<Object>> EmbeddedStore::get(Key key) {
  return call<Object>(impl_->worker, RequestKind::kRead,
                      [key = std::move(key)](Operations& operations) { return operations.get(key); });
}

Task<Result<ObjectList>> EmbeddedStore::list(ListOptions options) {
  return call<ObjectList>(impl_->worker, RequestKind::kRead,
                          [options = std::move(options)](Operations& operations) { return operations.list(options); });
}

Task<Result<Object>> EmbeddedStore::create(Object object) {
  return call<Object>(impl_->worker, RequestKind::kWrite, [object = std::move(object)](Operations& operations) mutable {
    return operations.create(std::move(object));
  });
}

Task<Result<Object>> EmbeddedStore::update(Object object) {
  return call<Object>(impl_->worker, RequestKind::kWrite, [object = std::move(object)](Operations& operations) mutable {
    return operations.update(std::move(object));
  });
}

Task<Result<Object>> EmbeddedStore::update_status(Object object) {
  return call<Object>(impl_->worker, RequestKind::kWrite, [object = std::move(object)](Operations& operations) mutable {
    return operations.update_status(std::move(object));
  });
}

Task<Result<Object>> EmbeddedStore::patch(Key key, json::value merge_patch, PatchTarget target) {
  return call<Object>(impl_->worker, RequestKind::kWrite,
                      [key = std::move(key), merge = std::move(merge_patch), target](Operations& operations) {
                        return operations.patch(key, merge, target);
                      });
}

Task<Result<Object>> EmbeddedStore::remove(Key key, Preconditions preconditions) {
  return call<Object>(impl_->worker, RequestKind::kWrite,
                      [key = std::move(key), preconditions = std::move(preconditions)](Operations& operations) {
                        return operations.remove(key, preconditions);
                      });
}

Task<Result<std::unique_ptr<Watch>>> EmbeddedStore::watch(WatchOptions options) {
  using WatchPtr = std::unique_ptr<Watch>;
  const auto worker = impl_->worker;
  auto state = std::make_shared<WatchState>(std::move(options), co_await asio::this_coro::executor);
  Work<WatchPtr> work = [state, raw = worker.get()](Operations&) -> Result<WatchPtr> {
    REMIT_CHECK_OK(raw->add_watch(state));
    return std::make_unique<EmbeddedWatch>(state);
  };
  co_return co_await call<WatchPtr>(worker, RequestKind::kAlone, std::move(work));
}

}  // namespace remit::resource
