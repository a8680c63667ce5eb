// Listener: one listening socket, TCP or unix, made by hand so that both accept the same way: wait until readable,
// accept until it is empty.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "http/server.h"

namespace remit::http::detail {

struct BoundSocket {
  UniqueFd fd;
  std::uint16_t port = 0;
};

Result<BoundSocket> bind_tcp(const std::string& address, std::uint16_t port, bool reuse_port);
// Mode 0600; a dead server's socket file is replaced.
Result<UniqueFd> bind_unix(const std::string& path);
Peer peer_of(int fd, const std::string& label);

struct Listener {
  Listener(asio::any_io_executor executor, UniqueFd socket, std::string label_in, std::string path_in);
  ~Listener() { close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // Removes the socket file, if it is still ours.
  void close();

  asio::posix::stream_descriptor descriptor;
  std::string label;
  std::string unix_path;
  std::uint64_t unix_inode = 0;
};

}  // namespace remit::http::detail
