#include "sandbox/tier/hub.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/log.h"
#include "sandbox/launcher.h"
#include "sandbox/leftovers.h"
#include "sandbox/tier/encode_request.h"
#include "sandbox/tier/exception_log.h"
#include "sandbox/wire/request.h"

namespace remit::sandbox {

namespace {

constexpr auto kWait = asio::as_tuple(asio::use_awaitable);
constexpr std::uint8_t kAtOnce = 0x80;

void attach_descriptors(msghdr& message, std::vector<char>& control, const std::vector<int>& fds) {
  if (fds.empty()) return;
  control.assign(CMSG_SPACE(sizeof(int) * fds.size()), 0);
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
  std::memcpy(CMSG_DATA(rights), fds.data(), sizeof(int) * fds.size());
}

}  // namespace

Hub::Hub(asio::any_io_executor executor, SpawnerProcess process, CgroupBases bases, std::string instance)
    : executor_(std::move(executor)),
      process_(std::move(process)),
      bases_(std::move(bases)),
      socket_(executor_, process_.take_socket().release()),
      buffer_(wire::kMessageBytes),
      instance_(std::move(instance)) {
  socket_.non_blocking(true);
}

Hub::~Hub() { close(); }

Task<Result<std::shared_ptr<Hub>>> Hub::open(std::string instance) {
  const auto executor = co_await asio::this_coro::executor;
  // The spawner first: it removes the cgroups when this process dies, so they should not wait long for it to know them.
  REMIT_CO_TRY(SpawnerProcess process, SpawnerProcess::start());
  REMIT_CO_TRY(CgroupBases bases, make_bases(instance));
  auto hub = std::make_shared<Hub>(executor, std::move(process), std::move(bases), std::move(instance));
  hub->self_ = hub;
  REMIT_CO_CHECK_OK(co_await hub->set_up());
  asio::co_spawn(executor, receive_loop(hub), log_exception);
  co_return hub;
}

Task<Result<>> Hub::set_up() {
  const std::size_t size = encode_setup(bases_, buffer_);
  if (size == 0) co_return fail(Code::kInternal, "sandbox: the cgroup paths do not fit a message");
  REMIT_CO_CHECK_OK(co_await send(size, {}));
  while (!ready_ && !lost_) {
    co_await socket_.async_wait(asio::posix::descriptor_base::wait_read, kWait);
    while (!ready_ && receive_one()) {
    }
  }
  if (!ready_) co_return fail(Code::kUnavailable, "sandbox: the spawner ended while it set itself up");
  if (ready_->stage != 0)
    co_return fail(stage_error(ready_->stage, ready_->error, Spec{}).wrap("sandbox: the spawner cannot work here"));
  co_return Result<>{};
}

// True when sent, false when the socket is full.
Result<bool> Hub::try_send(std::size_t size, const std::vector<int>& fds) {
  iovec part{buffer_.data(), size};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  std::vector<char> control;
  attach_descriptors(message, control, fds);
  if (::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return true;
  if (errno == EAGAIN || errno == EINTR || errno == ETOOMANYREFS) return false;
  return fail(errno_error("sandbox: sending to the spawner", errno));
}

Task<Result<>> Hub::send(std::size_t size, std::vector<int> fds) {
  // The buffer is everyone's: what waits for room keeps its own copy.
  REMIT_CO_TRY(bool sent, try_send(size, fds));
  if (sent) co_return Result<>{};
  const std::vector<char> copy(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(size));
  while (!sent) {
    const auto [error] = co_await socket_.async_wait(asio::posix::descriptor_base::wait_write, kWait);
    if (error || lost_) co_return fail(Code::kUnavailable, "sandbox: the spawner is gone");
    std::ranges::copy(copy, buffer_.begin());
    REMIT_CO_TRY(sent, try_send(size, fds));
  }
  co_return Result<>{};
}

Task<Result<std::uint64_t>> Hub::start(std::shared_ptr<ReplyHandler> handler, const Spec& spec, std::vector<int> fds,
                                       std::vector<int> numbers) {
  if (lost_) co_return fail(Code::kUnavailable, "sandbox: the spawner is gone; open a new launcher");
  if (handlers_.size() >= limits::kLiveSandboxes) {
    co_return fail(Code::kResourceExhausted,
                   fmt::format("sandbox: {} sandboxes run already (kLiveSandboxes)", handlers_.size()));
  }
  const std::uint64_t id = ++last_id_;
  const std::size_t size = encode_start(id, spec, numbers, buffer_);
  if (size == 0)
    co_return fail(Code::kResourceExhausted, fmt::format("sandbox: the request exceeds {} bytes", wire::kMessageBytes));
  handlers_.emplace(id, std::move(handler));
  if (auto sent = co_await send(size, std::move(fds)); !sent) {
    handlers_.erase(id);
    co_return fail(sent.error());
  }
  co_return id;
}

void Hub::kill(std::uint64_t id, std::uint8_t why, bool at_once) {
  if (lost_ || !handlers_.contains(id)) return;
  const std::uint8_t code = static_cast<std::uint8_t>(why | (at_once ? kAtOnce : 0));
  const auto sent = try_send(encode_kill(id, code, buffer_), {});
  if (sent && !*sent) asio::co_spawn(executor_, kill_later(self_.lock(), id, code), log_exception);
}

Task<> Hub::kill_later(std::shared_ptr<Hub> self, std::uint64_t id, std::uint8_t why) {
  (void)co_await self->send(encode_kill(id, why, self->buffer_), {});
}

bool Hub::receive_one() {
  char bytes[wire::kReplyBytes];
  const ssize_t size = ::recv(socket_.native_handle(), bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    if (!lost_) clean_up();
    lose();
    return false;
  }
  if (static_cast<std::size_t>(size) <= sizeof(bytes)) dispatch({bytes, static_cast<std::size_t>(size)});
  return true;
}

void Hub::dispatch(std::string_view bytes) {
  wire::Ready ready;
  wire::Started started;
  wire::Failed failed;
  wire::Done done;
  const auto take = [this](std::uint64_t id) {
    const auto found = handlers_.find(id);
    if (found == handlers_.end()) return std::shared_ptr<ReplyHandler>();
    auto handler = found->second;
    handlers_.erase(found);
    return handler;
  };
  if (decode(bytes.data(), bytes.size(), ready)) {
    if (!ready_) ready_ = ready;
  } else if (decode(bytes.data(), bytes.size(), started)) {
    if (const auto found = handlers_.find(started.id); found != handlers_.end()) found->second->on_started(started);
  } else if (decode(bytes.data(), bytes.size(), failed)) {
    if (auto handler = take(failed.id)) handler->on_failed(failed);
  } else if (decode(bytes.data(), bytes.size(), done)) {
    if (auto handler = take(done.id)) handler->on_done(done);
  } else {
    log::error("sandbox: the spawner sent {} bytes that mean nothing; ignored", bytes.size());
  }
}

Task<> Hub::receive_loop(std::shared_ptr<Hub> self) {
  while (!self->lost_) {
    co_await self->socket_.async_wait(asio::posix::descriptor_base::wait_read, kWait);
    while (!self->lost_ && self->receive_one()) {
    }
  }
}

void Hub::lose() {
  if (lost_) return;
  lost_ = true;
  const auto handlers = std::exchange(handlers_, {});
  for (const auto& [id, handler] : handlers) handler->on_lost();
}

// A spawner that dies takes its sandboxes' processes along, but nobody is left to remove their cgroups.
void Hub::clean_up() {
  cleaner_ = std::jthread([instance = instance_] {
    if (auto swept = sweep_leftovers(instance); !swept) log::error("{}", swept.error().to_string());
  });
}

void Hub::close() {
  lose();
  if (socket_.is_open()) socket_.close();
}

Error stage_error(std::uint8_t stage, std::uint32_t error, const Spec& spec) {
  const int number = error == 0 ? EIO : static_cast<int>(error);
  const std::string program = spec.argv.empty() ? "" : spec.argv[0];
  switch (static_cast<wire::Stage>(stage)) {
    case wire::Stage::kNone: return errno_error("sandbox: ended before its command began", ECHILD);
    case wire::Stage::kProtocol: return internal_error("sandbox: the spawner did not understand the request");
    case wire::Stage::kNamespaces:
      return errno_error("sandbox: no namespaces (are user namespaces allowed? `remit doctor` tells)", number);
    case wire::Stage::kImage: return errno_error("sandbox: putting together the read-only system", number);
    case wire::Stage::kCgroup: return errno_error("sandbox: cgroup", number);
    case wire::Stage::kSource: return errno_error("sandbox: a source of the mount plan", number);
    case wire::Stage::kOverlay: return errno_error("sandbox: overlay mount (an ordinary user needs userxattr)", number);
    case wire::Stage::kMount: return errno_error("sandbox: a target of the mount plan", number);
    case wire::Stage::kProc: return errno_error("sandbox: a fresh /proc (masked in this container?)", number);
    case wire::Stage::kNetwork: return errno_error("sandbox: loopback", number);
    case wire::Stage::kIdentity: return errno_error("sandbox: user id", number);
    case wire::Stage::kSeccomp: return errno_error("sandbox: seccomp filter", number);
    case wire::Stage::kBridge: return errno_error(fmt::format("sandbox: bridge on port {}", spec.bridge_port), number);
    case wire::Stage::kDescriptors: return errno_error("sandbox: descriptors", number);
    case wire::Stage::kDirectory: return errno_error(fmt::format("sandbox: working directory {}", spec.cwd), number);
    case wire::Stage::kExec: return errno_error(fmt::format("sandbox: running '{}'", program), number);
  }
  return internal_error("sandbox: failed at an unknown stage");
}

}  // namespace remit::sandbox
