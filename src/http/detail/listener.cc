#include "http/detail/listener.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace remit::http::detail {

namespace {

constexpr int kBacklog = 1024;

struct TcpAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Result<TcpAddress> tcp_address(const std::string& text, std::uint16_t port) {
  TcpAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  } else {
    return fail(invalid_argument("listen: '" + text + "' is no IP address"));
  }
  return address;
}

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path || path.find('\0') != std::string::npos) {
    return fail(invalid_argument(fmt::format("a unix socket's path has 1 to {} bytes; this one has {}: {}",
                                             sizeof address.sun_path - 1, path.size(), path)));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Removes the file of a server that is gone. An error when somebody answers there, or when the path is no socket.
Result<> clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail(errno_error("listen on " + path, errno));
  }
  if (!S_ISSOCK(status.st_mode))
    return fail(Code::kAlreadyExists, "listen on " + path + ": a file that is no socket is in the way");
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return fail(errno_error("socket", errno));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    return fail(Code::kAlreadyExists, "listen on " + path + ": another server is using it");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(errno_error("remove the stale socket " + path, errno));
  return {};
}

}  // namespace

Result<BoundSocket> bind_tcp(const std::string& address_text, std::uint16_t port, bool reuse_port) {
  REMIT_TRY(TcpAddress address, tcp_address(address_text, port));
  const std::string what = fmt::format("listen on {} port {}", address_text, port);
  BoundSocket bound;
  bound.fd.reset(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!bound.fd) return fail(errno_error(what, errno));
  const int on = 1;
  ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port) ::setsockopt(bound.fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  auto* generic = reinterpret_cast<sockaddr*>(&address.storage);
  if (::bind(bound.fd.get(), generic, address.size) != 0 || ::listen(bound.fd.get(), kBacklog) != 0 ||
      ::getsockname(bound.fd.get(), generic, &address.size) != 0) {
    return fail(errno_error(what, errno));
  }
  bound.port =
      ntohs(address.storage.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&address.storage)->sin6_port
                                                  : reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port);
  return bound;
}

Result<UniqueFd> bind_unix(const std::string& path) {
  REMIT_TRY(const sockaddr_un address, unix_address(path));
  REMIT_CHECK_OK(clear_stale(path, address));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail(errno_error("socket", errno));
  // Nobody can connect between bind() and listen(), so the mode is right before it matters.
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(path.c_str(), 0600) != 0 || ::listen(fd.get(), kBacklog) != 0) {
    return fail(errno_error("listen on " + path, errno));
  }
  return fd;
}

Peer peer_of(int fd, const std::string& label) {
  Peer peer;
  peer.label = label;
  int family = 0;
  socklen_t size = sizeof family;
  ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
  if (family != AF_UNIX) return peer;
  peer.kind = Peer::Kind::kUnix;
  ucred credentials{};
  size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer.uid = credentials.uid;
    if (credentials.pid > 0) peer.pid = credentials.pid;
  }
  return peer;
}

Listener::Listener(asio::any_io_executor executor, UniqueFd socket, std::string label_in, std::string path_in)
    : descriptor(std::move(executor), socket.release()), label(std::move(label_in)), unix_path(std::move(path_in)) {
  struct stat status{};
  if (!unix_path.empty() && ::lstat(unix_path.c_str(), &status) == 0) unix_inode = status.st_ino;
}

void Listener::close() {
  if (!descriptor.is_open()) return;
  struct stat status{};
  if (!unix_path.empty() && ::lstat(unix_path.c_str(), &status) == 0 && status.st_ino == unix_inode) {
    ::unlink(unix_path.c_str());
  }
  boost::system::error_code ignored;
  descriptor.close(ignored);
}

}  // namespace remit::http::detail
