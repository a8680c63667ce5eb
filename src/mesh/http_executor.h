// HttpExecutor: carries out permitted http.request actions. The address check of the client it is given is what keeps
// private networks out. One shard's thread.
#pragma once

#include <boost/asio/any_io_executor.hpp>

#include "core/executor.h"
#include "http/client.h"

namespace remit::mesh {

inline constexpr std::size_t kMaxHttpToolBody = 1u << 20;  // Of an answer; a larger one is an error that says so.

class HttpExecutor final : public Executor {
 public:
  HttpExecutor(asio::any_io_executor executor, http::ClientOptions options);
  std::unique_ptr<Call> start(Permit&& permit, CallContext context) override;

 private:
  asio::any_io_executor executor_;
  http::Client client_;
};

// Refuses loopback, private, link-local, multicast and other special addresses (RFC 6890), v4 in v6 included.
Result<> check_public_address(const std::string& address, std::uint16_t port);

}  // namespace remit::mesh
