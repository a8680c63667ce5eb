#include "http/detail/client_call.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "http/detail/connect.h"
#include "http/detail/head_writer.h"

namespace remit::http::detail {

namespace {

constexpr std::size_t kHeadRead = 4u << 10;
constexpr std::size_t kCopyBody =
    16u << 10;  // As in the server: a body up to this goes out in one piece with its head.

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

Result<Url> url_of(const Request& request) {
  REMIT_TRY(Url url, parse_url(request.url));
  if (!request.unix_socket.empty() && url.is_tls()) {
    return fail(invalid_argument("https over a unix socket is not supported; use an http URL"));
  }
  return url;
}

// Takes its own event out of the queue however the wait ends.
struct Waiting {
  Waiting(std::shared_ptr<ClientState> state_in, std::string key_in)
      : state(std::move(state_in)), key(std::move(key_in)), event(state->deadlines) {
    state->pools[key].waiters.push_back(&event);
  }
  ~Waiting() {
    Pool& pool = state->pools[key];
    std::erase(pool.waiters, &event);
    // A word that came too late for us is the next one's.
    if (event.notified() && !used && !pool.waiters.empty()) {
      pool.waiters.front()->notify();
      pool.waiters.pop_front();
    }
  }
  std::shared_ptr<ClientState> state;
  std::string key;
  Event event;
  bool used = false;
};

}  // namespace

ClientCall::ClientCall(std::shared_ptr<ClientState> state, CallOptions options)
    : state_(std::move(state)), options_(options), until_(state_->deadlines->in(options.total)) {
  if (options.deadline) until_ = std::min(until_, *options.deadline);
}

Task<Result<std::unique_ptr<ClientCall>>> ClientCall::open(std::shared_ptr<ClientState> state, Request request,
                                                           CallOptions options) {
  try {
    auto call = std::make_unique<ClientCall>(std::move(state), options);
    if (Result<> started = co_await call->start(std::move(request)); !started) {
      co_return fail(call->what_.empty() ? started.error() : started.error().wrap(call->what_));
    }
    co_return call;
  } catch (const boost::system::system_error&) {
    // Asio throws at the next wait of a coroutine that was cancelled.
    co_return fail(Code::kCancelled, "the HTTP call was cancelled");
  }
}

Task<Result<>> ClientCall::start(Request request) {
  REMIT_CO_TRY(const Url url, url_of(request));
  what_ = printable(fmt::format("{} {}{}", request.method, url.origin(), path_of(url.target)), 300);
  ++state_->stats.calls;
  for (bool fresh = false;; fresh = true) {
    REMIT_CO_CHECK_OK(co_await acquire(url, request.unix_socket, fresh));
    const bool reused = lease_.connection->reused;
    Result<> exchanged = co_await exchange(request, url);
    if (exchanged) co_return exchanged;
    lease_.release();
    const Code code = exchanged.error().code();
    const bool was_stale = reused && !got_bytes_ && (code == Code::kUnavailable || code == Code::kDataLoss);
    if (!was_stale || fresh || !(is_idempotent(request.method) || options_.replayable)) co_return exchanged;
    ++state_->stats.retries;
  }
}

Task<Result<>> ClientCall::acquire(const Url& url, const std::string& unix_socket, bool fresh) {
  const std::string key = unix_socket.empty() ? url.origin() : "unix:" + unix_socket;
  const SteadyTime until = std::min(until_, state_->deadlines->in(options_.connect));
  for (;;) {
    REMIT_CO_TRY(Pool* const pool, state_->pool_of(key));
    if (fresh) {
      state_->stats.idle -= pool->idle.size();
      pool->idle.clear();
    }
    if (std::unique_ptr<Connection> kept = state_->take_idle(*pool)) {
      lease_ = Lease(state_, key);
      lease_.connection = std::move(kept);
      co_return Result<>();
    }
    if (pool->active < state_->options.connections_per_origin) break;
    if (pool->waiters.size() >= kWaitersPerOrigin) {
      co_return fail(Code::kResourceExhausted,
                     fmt::format("{} calls wait for a connection, the limit kWaitersPerOrigin", kWaitersPerOrigin));
    }
    Waiting waiting(state_, key);
    const Event::Wake wake = co_await waiting.event.wait(until);
    if (wake == Event::Wake::kCancelled) co_return fail(Code::kCancelled, "cancelled while waiting for a connection");
    if (wake == Event::Wake::kTimedOut) {
      co_return fail(Code::kDeadlineExceeded, fmt::format("no connection came free: all {} to this server are in use",
                                                          state_->options.connections_per_origin));
    }
    waiting.used = true;
  }
  lease_ = Lease(state_, key);
  REMIT_CO_TRY(lease_.connection, co_await connect(state_, url, unix_socket, until));
  co_return Result<>();
}

Task<Result<>> ClientCall::exchange(const Request& request, const Url& url) {
  std::string head;
  REMIT_CO_CHECK_OK(append_request_head(head, request, url, state_->options.user_agent));
  WriteParts parts;
  if (request.body.size() <= kCopyBody) {
    head += request.body;
  } else {
    parts[1] = asio::buffer(request.body);
  }
  parts[0] = asio::buffer(head);
  Result<> sent = co_await lease_.connection->wire.write(parts, {until_, options_.idle});
  // A server may answer and close before it took the whole body: its answer says more than the broken pipe.
  if (!sent && sent.error().code() != Code::kUnavailable) co_return sent;
  Result<> answered = co_await read_head(request.method == "HEAD");
  if (!answered && !sent) co_return sent;
  if (answered && !sent) head_.keep_alive = false;
  co_return answered;
}

Task<Result<>> ClientCall::read_head(bool to_head_request) {
  const SteadyTime until = std::min(until_, state_->deadlines->in(options_.first_byte));
  for (std::size_t interim = 0; interim <= kInterimResponses; ++interim) {
    REMIT_CO_CHECK_OK(co_await read_one_head(to_head_request, until));
    if (head_.status == 101) co_return fail(Code::kDataLoss, "the server switched protocols unasked");
    if (head_.status < 200) continue;
    body_.start(head_.body);
    settle();
    co_return Result<>();
  }
  co_return fail(Code::kResourceExhausted, fmt::format("more than {} interim answers (1xx)", kInterimResponses));
}

Task<Result<>> ClientCall::read_one_head(bool to_head_request, SteadyTime until) {
  Wire& wire = lease_.connection->wire;
  FlatBuffer& in = lease_.connection->in;
  HeadScanner scanner;
  for (;;) {
    const std::string_view seen = in.view().substr(0, state_->options.head_bytes);
    const Result<std::optional<std::size_t>> end = scanner.scan(seen);
    if (!end) co_return fail(Code::kDataLoss, "the head of the answer has " + end.error().message());
    if (*end) {
      REMIT_CO_TRY(head_, parse_response_head(seen.substr(0, **end), state_->options.header_count, to_head_request));
      in.consume(**end);
      co_return Result<>();
    }
    if (in.size() >= state_->options.head_bytes) {
      co_return fail(Code::kResourceExhausted,
                     fmt::format("the head of the answer is over {} bytes", state_->options.head_bytes));
    }
    REMIT_CO_TRY(const std::size_t size, co_await wire.read(in.prepare(kHeadRead), {until, {}}));
    if (size == 0) {
      co_return fail(got_bytes_ ? Code::kDataLoss : Code::kUnavailable,
                     "the server closed the connection before its answer was whole");
    }
    got_bytes_ = true;
    in.commit(size);
  }
}

// Gives the connection back as soon as the answer is whole. Bytes that nobody asked for make it unfit to be kept.
void ClientCall::settle() {
  if (!body_.done() || !lease_) return;
  if (head_.keep_alive && !cancelled_ && lease_.connection->in.empty()) {
    lease_.keep();
  } else {
    lease_.release();
  }
}

Task<Result<std::optional<std::string>>> ClientCall::read_some() {
  if (failure_) co_return fail(*failure_);
  if (cancelled_) co_return fail(Code::kCancelled, what_ + ": cancelled");
  if (!lease_) co_return std::nullopt;
  try {
    Result<std::optional<std::string>> piece =
        co_await body_.read_some(&lease_.connection->wire, &lease_.connection->in, {until_, options_.idle});
    if (!piece) {
      const Code code = piece.error().code();
      // A connection lost inside a body, and chunks that make no sense, are the same to the caller: the answer is not
      // whole.
      failure_ = Error(code == Code::kUnavailable || code == Code::kInvalidArgument ? Code::kDataLoss : code,
                       what_ + ": " + piece.error().message());
      lease_.release();
      co_return fail(*failure_);
    }
    settle();
    co_return piece;
  } catch (const boost::system::system_error&) {
    co_return fail(Code::kCancelled, what_ + ": cancelled");
  }
}

Task<Result<std::string>> ClientCall::read_all(std::size_t max_bytes) {
  std::string all;
  if (head_.body.framing == Framing::kLength) {
    if (head_.body.length > max_bytes) {
      lease_.release();
      co_return fail(Code::kResourceExhausted, fmt::format("{}: the answer has {} bytes, over the limit of {}", what_,
                                                           head_.body.length, max_bytes));
    }
    all.reserve(std::size_t(std::min<std::uint64_t>(head_.body.length, kReadBytes)));
  }
  for (;;) {
    REMIT_CO_TRY(const std::optional<std::string> piece, co_await read_some());
    if (!piece) co_return all;
    if (all.size() + piece->size() > max_bytes) {
      lease_.release();
      co_return fail(Code::kResourceExhausted,
                     fmt::format("{}: the answer is over the limit of {} bytes", what_, max_bytes));
    }
    all += *piece;
  }
}

void ClientCall::cancel() {
  cancelled_ = true;
  if (lease_) lease_.connection->wire.cancel();
}

}  // namespace remit::http::detail
