#include "http/client.h"

#include "http/detail/client_call.h"
#include "http/detail/client_state.h"

namespace remit::http {

namespace {

Clock& system_clock() {
  static SystemClock clock;
  return clock;
}

Task<Result<Response>> fetch_whole(std::shared_ptr<detail::ClientState> state, Request request, CallOptions options) {
  try {
    const std::size_t max_body = options.max_body;
    REMIT_CO_TRY(auto call,
                 co_await detail::ClientCall::open(std::move(state), std::move(request), std::move(options)));
    Response response;
    REMIT_CO_TRY(response.body, co_await call->read_all(max_body));
    response.status = call->head().status;
    response.headers = call->take_headers();
    co_return response;
  } catch (const boost::system::system_error&) {
    co_return fail(Code::kCancelled, "the HTTP call was cancelled");
  }
}

Task<Result<std::unique_ptr<ResponseStream>>> open_stream(std::shared_ptr<detail::ClientState> state, Request request,
                                                          CallOptions options) {
  try {
    REMIT_CO_TRY(auto call,
                 co_await detail::ClientCall::open(std::move(state), std::move(request), std::move(options)));
    co_return std::make_unique<ResponseStream>(std::move(call));
  } catch (const boost::system::system_error&) {
    co_return fail(Code::kCancelled, "the HTTP call was cancelled");
  }
}

}  // namespace

ResponseStream::ResponseStream(std::unique_ptr<detail::ClientCall> call) : call_(std::move(call)) {}
ResponseStream::~ResponseStream() = default;
int ResponseStream::status() const { return call_->head().status; }
const HeaderTable& ResponseStream::headers() const { return call_->head().headers; }
Task<Result<std::optional<std::string>>> ResponseStream::read_some() { return call_->read_some(); }
Task<Result<std::string>> ResponseStream::read_all(std::size_t max_bytes) { return call_->read_all(max_bytes); }
void ResponseStream::cancel() { call_->cancel(); }

Client::Client(asio::any_io_executor executor, ClientOptions options) {
  Clock& clock = options.clock != nullptr ? *options.clock : system_clock();
  state_ = std::make_shared<detail::ClientState>(std::move(executor), std::move(options), clock);
}

Client::~Client() {
  state_->closing = true;
  state_->close_idle();
}

Task<Result<Response>> Client::fetch(Request request, CallOptions options) {
  return fetch_whole(state_, std::move(request), std::move(options));
}

Task<Result<std::unique_ptr<ResponseStream>>> Client::open(Request request, CallOptions options) {
  return open_stream(state_, std::move(request), std::move(options));
}

void Client::close_idle() { state_->close_idle(); }
ClientStats Client::stats() const { return state_->stats; }

}  // namespace remit::http
