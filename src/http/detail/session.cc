#include "http/detail/session.h"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "base/strings.h"

namespace remit::http::detail {

namespace {

constexpr std::size_t kHeadRead = 4u << 10;
constexpr std::size_t kCopyBody = 16u << 10;  // A body up to this is copied behind its head: one buffer, one write.
constexpr std::size_t kPipelined =
    64u << 10;  // What may arrive unasked while a handler is watched for its client's end.

std::string address_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (::getpeername(fd, address, &size) != 0) return "";
  if (::getnameinfo(address, size, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "";
  return storage.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

}  // namespace

Session::Session(std::shared_ptr<ServerState> state, Socket socket, Peer peer, Role role)
    : state_(std::move(state)),
      wire_(std::move(socket), state_->deadlines),
      peer_(std::move(peer)),
      role_(role),
      idle_since_(state_->deadlines->now()) {
  state_->sessions.insert(this);
  state_->stats.connections = state_->sessions.size();
}

Session::~Session() {
  state_->sessions.erase(this);
  state_->stats.connections = state_->sessions.size();
  if (state_->sessions.empty() && state_->all_ended) state_->all_ended->notify();
}

void Session::start(std::shared_ptr<Session> self) {
  auto* session = self.get();
  auto ended = [self](std::exception_ptr failure) {
    if (failure) log::error("http {}: a connection ended with an exception", self->state_->options.name);
    self->wire_.close();
  };
  asio::co_spawn(session->state_->executor, session->run(),
                 asio::bind_cancellation_slot(session->cancel_signal_.slot(), std::move(ended)));
}

Task<> Session::run() {
  // The end is told to a handler by the errors of what it waits for, not by exceptions.
  co_await asio::this_coro::throw_if_cancelled(false);
  if (role_ == Role::kRefuse) {
    co_await refuse(503, "too many connections; try again later");
    co_await linger();
    co_return;
  }
  for (std::size_t served = 1;; ++served) {
    if (!co_await read_head()) break;
    if (served >= state_->options.limits.requests_per_connection) keep_alive_ = false;
    if (!co_await answer()) break;
    if (state_->draining || wire_.cancelled()) break;
  }
  phase_ = Phase::kClosing;
  if (needs_linger_) co_await linger();
}

void Session::reset_for_request() {
  head_.clear();
  scanner_.reset();
  answer_ = Answer::kNone;
  keep_alive_ = true;
  chunked_out_ = bodiless_ = false;
  out_remaining_.reset();
  body_bytes_ = 0;
  body_status_ = 0;
}

// False: no request, the connection is to be closed.
Task<bool> Session::read_head() {
  const ServerLimits& limits = state_->options.limits;
  const bool is_first = head_.method.empty();
  reset_for_request();
  idle_since_ = wire_.now();
  phase_ = in_.empty() ? Phase::kIdle : Phase::kHead;
  IoBound bound{idle_since_ + (is_first || !in_.empty() ? timeouts().head : timeouts().idle), Duration::zero()};
  bool may_skip_line = true;
  for (;;) {
    // RFC 9112, section 2.2: one empty line before a request line is let pass.
    if (may_skip_line && in_.size() >= 2) {
      if (in_.view().starts_with("\r\n")) in_.consume(2);
      may_skip_line = false;
    }
    if (!may_skip_line && !in_.empty()) {
      const Result<std::optional<std::size_t>> end = scanner_.scan(in_.view().substr(0, limits.head_bytes));
      if (!end) co_return co_await refuse(400, end.error().message());
      if (*end) {
        if (auto refusal = parse_request_head(in_.view().substr(0, **end), limits.header_count, head_)) {
          co_return co_await refuse(refusal->status, std::move(refusal->message));
        }
        in_.consume(**end);
        break;
      }
      if (in_.size() >= limits.head_bytes) {
        co_return co_await refuse(431, fmt::format("the head of the request is over {} bytes", limits.head_bytes));
      }
    }
    const Result<std::size_t> size = co_await wire_.read(in_.prepare(kHeadRead), bound);
    if (!size) {
      if (size.error().code() != Code::kDeadlineExceeded || in_.empty()) co_return false;
      co_return co_await refuse(408, "the head of the request did not come in time");
    }
    if (*size == 0) co_return false;
    in_.commit(*size);
    // Slow heads are bounded from their first byte, however many pieces follow.
    if (phase_ == Phase::kIdle) {
      phase_ = Phase::kHead;
      if (!is_first) bound.until = wire_.now() + timeouts().head;
    }
  }
  if (head_.body.framing == Framing::kLength && head_.body.length > limits.body_bytes) {
    co_return co_await refuse(413, fmt::format("the body is over {} bytes", limits.body_bytes));
  }
  co_return true;
}

// Always false: what cannot be understood leaves no place where the next request begins.
Task<bool> Session::refuse(int status, std::string message) {
  ++state_->stats.bad_requests;
  keep_alive_ = false;
  needs_linger_ = true;
  bodiless_ = head_.method == "HEAD";
  message += '\n';
  co_await send(status, nullptr, "text/plain; charset=utf-8", message);
  co_return false;
}

// True when the connection may serve another request.
Task<bool> Session::answer() {
  phase_ = Phase::kHandler;
  ++state_->stats.requests;
  ++state_->stats.busy;
  keep_alive_ = keep_alive_ && head_.keep_alive;
  bodiless_ = head_.method == "HEAD";
  body_.start(head_.body);
  continue_due_ = head_.expects_continue && !body_.done();
  if (!body_.done()) body_until_ = state_->deadlines->in(timeouts().body_total);
  co_await call_handler();
  --state_->stats.busy;
  watching_ = false;
  disconnect_callback_ = nullptr;
  if (answer_ == Answer::kNone && !aborted_) co_await answer_for_handler();
  if (aborted_ || answer_ == Answer::kStreaming) {
    // Without chunks a plain end would look like a whole answer.
    chunked_out_ || out_remaining_ ? wire_.close() : wire_.reset();
    co_return false;
  }
  if (disconnected_ || answer_ != Answer::kFinished) co_return false;
  if (!body_.done() && !co_await drain_body()) {
    needs_linger_ = true;
    co_return false;
  }
  co_return keep_alive_;
}

Task<> Session::call_handler() {
  ServerRequest request(this);
  ResponseWriter response(this);
  try {
    co_await state_->handler(request, response);
  } catch (const std::exception& exception) {
    log::error("http {}: the handler of {} {} threw: {}", state_->options.name, head_.method,
               printable(path_of(head_.target), 200), exception.what());
  }
}

Task<> Session::answer_for_handler() {
  if (disconnected_) co_return;
  ++state_->stats.bad_requests;
  const int status = body_status_ != 0 ? body_status_ : 500;
  co_await send(status, nullptr, "text/plain; charset=utf-8",
                status == 500 ? "no answer was made\n" : "the body cannot be taken\n");
}

Task<bool> Session::drain_body() {
  if (continue_due_ || body_status_ != 0 || body_.remaining() > kDrainBytes) co_return false;
  std::size_t drained = 0;
  while (drained <= kDrainBytes) {
    const auto piece = co_await body_.read_some(&wire_, &in_, body_bound());
    if (!piece) co_return false;
    if (!*piece) co_return true;
    drained += (*piece)->size();
  }
  co_return false;
}

// Lets the peer read our last words: closing with unread bytes in the kernel would reset the connection and could
// destroy them.
Task<> Session::linger() {
  wire_.shutdown_write();
  const IoBound bound{wire_.now() + timeouts().linger, Duration::zero()};
  std::size_t drained = 0;
  while (drained < kDrainBytes) {
    in_.consume(in_.size());
    const Result<std::size_t> size = co_await wire_.read(in_.prepare(kHeadRead), bound);
    if (!size || *size == 0) break;
    drained += *size;
  }
}

void Session::cut() {
  wire_.cancel();
  if (phase_ == Phase::kHandler) {
    note_disconnect();
    cancel_signal_.emit(asio::cancellation_type::terminal);
  }
}

const Peer& Session::peer() {
  if (peer_.kind == Peer::Kind::kTcp && peer_.address.empty()) peer_.address = address_of(wire_.fd());
  return peer_;
}

IoBound Session::body_bound() const { return {body_until_, timeouts().body_gap}; }

Task<Result<std::optional<std::string>>> Session::read_some() {
  if (continue_due_ && in_.empty()) {
    continue_due_ = false;
    constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    REMIT_CO_CHECK_OK(
        note_written(co_await wire_.write({asio::buffer(kContinue.data(), kContinue.size())}, write_bound())));
  }
  continue_due_ = false;
  Result<std::optional<std::string>> piece = co_await body_.read_some(&wire_, &in_, body_bound());
  if (piece && *piece) {
    body_bytes_ += (*piece)->size();
    if (body_bytes_ > state_->options.limits.body_bytes) {
      piece =
          fail(Code::kResourceExhausted, fmt::format("the body is over {} bytes", state_->options.limits.body_bytes));
    }
  }
  if (!piece) {
    keep_alive_ = false;
    const Code code = piece.error().code();
    body_status_ = code == Code::kResourceExhausted ? 413 : code == Code::kDeadlineExceeded ? 408 : 400;
    if (code == Code::kDataLoss || code == Code::kUnavailable) note_disconnect();
  }
  if (body_.done() && watching_) watch();
  co_return piece;
}

Task<Result<std::string>> Session::read_body(std::size_t max_bytes) {
  std::string body;
  if (head_.body.framing == Framing::kLength) body.reserve(std::min<std::size_t>(body_.remaining(), kReadBytes));
  while (!body_.done()) {
    REMIT_CO_TRY(const std::optional<std::string> piece, co_await read_some());
    if (!piece) break;
    if (body.size() + piece->size() > max_bytes) {
      keep_alive_ = false;
      body_status_ = 413;
      co_return fail(Code::kResourceExhausted, fmt::format("the body is over {} bytes", max_bytes));
    }
    body += *piece;
  }
  co_return body;
}

Result<> Session::make_head(int status, const HeaderTable& headers, std::string_view content_type, BodyHeader body,
                            std::uint64_t length) {
  if (list_has_token(headers.get("Connection"), "close")) keep_alive_ = false;
  if (state_->draining || continue_due_ || (!body_.done() && body_.remaining() > kDrainBytes)) keep_alive_ = false;
  ResponseHeadPlan plan;
  plan.status = status;
  plan.body = body;
  plan.length = length;
  plan.close = !keep_alive_;
  plan.say_keep_alive = head_.minor_version == 0;
  out_.clear();
  return append_response_head(out_, plan, headers, content_type,
                              state_->date.at(state_->deadlines->clock().wall_now()));
}

Result<> Session::note_written(Result<> result) {
  if (result) return result;
  keep_alive_ = false;
  aborted_ = true;
  if (result.error().code() == Code::kUnavailable) note_disconnect();
  return result;
}

Task<Result<>> Session::send(int status, const HeaderTable* headers, std::string_view content_type,
                             std::string_view body) {
  static const HeaderTable kNoHeaders;
  if (answer_ != Answer::kNone) co_return fail(Code::kFailedPrecondition, "this request has its answer already");
  if (aborted_) co_return fail(Code::kCancelled, "the answer was aborted");
  const bool has_no_body = status == 204 || status == 304;
  REMIT_CO_CHECK_OK(make_head(status, headers != nullptr ? *headers : kNoHeaders, content_type,
                              has_no_body ? BodyHeader::kNone : BodyHeader::kLength, body.size()));
  answer_ = Answer::kFinished;
  if (has_no_body || bodiless_) body = {};
  WriteParts parts;
  if (body.size() <= kCopyBody) {
    out_.append(body);
  } else {
    parts[1] = asio::buffer(body.data(), body.size());
  }
  parts[0] = asio::buffer(out_);
  Result<bool> all = wire_.try_write(parts);
  if (!all) co_return note_written(fail(std::move(all).error()));
  if (*all) co_return Result<>();
  co_return note_written(co_await wire_.write(parts, write_bound()));
}

Task<Result<>> Session::send_response(Response response) {
  co_return co_await send(response.status, &response.headers, "", response.body);
}

Task<Result<>> Session::begin(int status, HeaderTable headers, std::optional<std::uint64_t> length) {
  if (answer_ != Answer::kNone) co_return fail(Code::kFailedPrecondition, "this request has its answer already");
  if (aborted_) co_return fail(Code::kCancelled, "the answer was aborted");
  const bool has_no_body = status == 204 || status == 304;
  chunked_out_ = !length && !has_no_body && head_.minor_version == 1;
  if (!length && !has_no_body && head_.minor_version == 0) keep_alive_ = false;
  const BodyHeader body = chunked_out_             ? BodyHeader::kChunked
                          : length && !has_no_body ? BodyHeader::kLength
                                                   : BodyHeader::kNone;
  REMIT_CO_CHECK_OK(make_head(status, headers, "", body, length.value_or(0)));
  bodiless_ = bodiless_ || has_no_body;
  out_remaining_ = length;
  answer_ = Answer::kStreaming;
  co_return note_written(co_await wire_.write({asio::buffer(out_)}, write_bound()));
}

Task<Result<>> Session::write(std::string_view bytes) {
  if (answer_ != Answer::kStreaming)
    co_return fail(Code::kFailedPrecondition, "write() comes between begin() and finish()");
  if (aborted_) co_return fail(Code::kCancelled, "the client has gone or the answer was aborted");
  // An empty chunk would end the body.
  if (bytes.empty()) co_return Result<>();
  if (out_remaining_) {
    if (bytes.size() > *out_remaining_)
      co_return fail(invalid_argument("more bytes than the length that begin() promised"));
    *out_remaining_ -= bytes.size();
  }
  if (bodiless_) co_return Result<>();
  WriteParts parts{asio::buffer(bytes.data(), bytes.size())};
  char line[20];
  if (chunked_out_) {
    const auto end = fmt::format_to(line, "{:x}\r\n", bytes.size());
    parts = {asio::buffer(line, std::size_t(end - line)), asio::buffer(bytes.data(), bytes.size()),
             asio::buffer("\r\n", 2)};
  }
  Result<bool> all = wire_.try_write(parts);
  if (!all) co_return note_written(fail(std::move(all).error()));
  if (*all) co_return Result<>();
  co_return note_written(co_await wire_.write(parts, write_bound()));
}

Task<Result<>> Session::write_owned(std::string bytes) { co_return co_await write(bytes); }

Task<Result<>> Session::finish() {
  if (answer_ != Answer::kStreaming) co_return fail(Code::kFailedPrecondition, "finish() comes after begin(), once");
  if (aborted_) co_return fail(Code::kCancelled, "the client has gone or the answer was aborted");
  if (out_remaining_ && *out_remaining_ > 0 && !bodiless_) {
    co_return fail(Code::kFailedPrecondition, fmt::format("{} promised bytes are missing", *out_remaining_));
  }
  if (chunked_out_ && !bodiless_) {
    REMIT_CO_CHECK_OK(note_written(co_await wire_.write({asio::buffer("0\r\n\r\n", 5)}, write_bound())));
  }
  answer_ = Answer::kFinished;
  co_return Result<>();
}

void Session::abort() {
  aborted_ = true;
  wire_.cancel();
}

bool Session::disconnected() {
  if (disconnected_) return true;
  if (!body_.done() || !in_.empty() || wait_pending_) return false;
  char byte = 0;
  const ssize_t size = ::recv(wire_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) note_disconnect();
  return disconnected_;
}

void Session::on_disconnect(std::function<void()> callback) {
  if (disconnected_) {
    callback();
    return;
  }
  disconnect_callback_ = std::move(callback);
  watching_ = true;
  if (body_.done()) watch();
}

// Waits for the client's end beside the handler. What arrives instead is the next, pipelined request: it is kept.
void Session::watch() {
  if (wait_pending_ || !watching_ || disconnected_ || !wire_.is_open() || in_.size() >= kPipelined) return;
  wait_pending_ = true;
  wire_.async_wait_readable([weak = weak_from_this()](boost::system::error_code error) {
    if (const auto self = weak.lock()) self->on_readable(error);
  });
}

void Session::on_readable(boost::system::error_code error) {
  wait_pending_ = false;
  if (error || !watching_ || phase_ != Phase::kHandler) return;
  const asio::mutable_buffer room = in_.prepare(kHeadRead);
  const ssize_t size = ::recv(wire_.fd(), room.data(), room.size(), MSG_DONTWAIT);
  if (size > 0) in_.commit(std::size_t(size));
  if (size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    note_disconnect();
    return;
  }
  watch();
}

void Session::note_disconnect() {
  disconnected_ = true;
  if (const auto callback = std::exchange(disconnect_callback_, nullptr)) callback();
}

}  // namespace remit::http::detail

namespace remit::http {

std::string_view ServerRequest::method() const { return session_->head().method; }
std::string_view ServerRequest::target() const { return session_->head().target; }
std::string_view ServerRequest::path() const { return path_of(session_->head().target); }
std::string_view ServerRequest::query() const { return query_of(session_->head().target); }
const HeaderTable& ServerRequest::headers() const { return session_->head().headers; }
int ServerRequest::minor_version() const { return session_->head().minor_version; }
const Peer& ServerRequest::peer() const { return session_->peer(); }
bool ServerRequest::has_body() const { return session_->has_body(); }
Task<Result<std::string>> ServerRequest::read_body(std::size_t max_bytes) { return session_->read_body(max_bytes); }
Task<Result<std::optional<std::string>>> ServerRequest::read_some() { return session_->read_some(); }
bool ServerRequest::disconnected() const { return session_->disconnected(); }
void ServerRequest::on_disconnect(std::function<void()> callback) { session_->on_disconnect(std::move(callback)); }

Task<Result<>> ResponseWriter::send(Response response) { return session_->send_response(std::move(response)); }
Task<Result<>> ResponseWriter::send(int status, std::string_view content_type, std::string_view body) {
  return session_->send(status, nullptr, content_type, body);
}
Task<Result<>> ResponseWriter::begin(int status, HeaderTable headers, std::optional<std::uint64_t> length) {
  return session_->begin(status, std::move(headers), length);
}
Task<Result<>> ResponseWriter::write(std::string_view bytes) { return session_->write(bytes); }
Task<Result<>> ResponseWriter::finish() { return session_->finish(); }
Task<Result<>> ResponseWriter::begin_sse(int status, HeaderTable headers) {
  headers.set("Content-Type", "text/event-stream");
  headers.set("Cache-Control", "no-store");
  return session_->begin(status, std::move(headers), std::nullopt);
}
Task<Result<>> ResponseWriter::write_event(SseEvent event) { return session_->write_owned(format_sse(event)); }
Task<Result<>> ResponseWriter::write_comment(std::string_view text) {
  return session_->write_owned(format_sse_comment(text));
}
bool ResponseWriter::began() const { return session_->began(); }
bool ResponseWriter::finished() const { return session_->finished(); }
void ResponseWriter::abort() { session_->abort(); }

}  // namespace remit::http
