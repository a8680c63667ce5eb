// The daemon's end of a bridge: connections that a sandbox's PID 1 accepted come as descriptors, and each is checked to
// be what it should be.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "base/result.h"
#include "base/task.h"
#include "base/unique_fd.h"

namespace remit::sandbox {

class BridgeSocket {
 public:
  // `theirs` gets the end that goes into the sandbox.
  static Result<std::unique_ptr<BridgeSocket>> open(asio::any_io_executor executor, std::uint16_t port,
                                                    UniqueFd& theirs);
  BridgeSocket(asio::any_io_executor executor, UniqueFd fd, std::uint16_t port);

  static Task<Result<asio::ip::tcp::socket>> accept(std::shared_ptr<BridgeSocket> self);
  void close();

 private:
  // Nothing: wait. A bad descriptor is closed and passed over.
  Result<std::optional<UniqueFd>> receive();

  asio::any_io_executor executor_;
  asio::posix::stream_descriptor socket_;
  std::uint16_t port_;
  bool closed_ = false;
};

}  // namespace remit::sandbox
