#include "api/api_server.h"

#include <fmt/format.h>

#include <boost/asio/ip/address.hpp>

#include "api/detail/handler.h"

namespace remit::api {

ApiServer::ApiServer(ApiParts parts, ApiOptions options) {
  http::ServerOptions server;
  server.limits = options.limits;
  server.timeouts = options.timeouts;
  server.name = "api";
  server.clock = &parts.clock;
  const auto executor = parts.executor;
  handler_ = std::make_shared<detail::Handler>(parts, std::move(options));
  server_ = std::make_unique<http::Server>(
      executor, std::move(server), [handler = handler_](http::ServerRequest& request, http::ResponseWriter& response) {
        return handler->handle(request, response);
      });
}

ApiServer::~ApiServer() = default;

Result<> ApiServer::listen_unix(std::string path) { return server_->listen_unix(std::move(path), "api"); }

Result<std::uint16_t> ApiServer::listen_loopback(std::string address, std::uint16_t port, std::string key) {
  boost::system::error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error || !parsed.is_loopback()) {
    return fail(invalid_argument(fmt::format(
        "'{}' is not a loopback address; the API listens on 127.0.0.1 or ::1 only, because it speaks plain HTTP",
        address)));
  }
  if (key.empty()) return fail(invalid_argument("the API needs a key to listen on TCP"));
  handler_->set_key(std::move(key));
  return server_->listen_tcp(std::move(address), port, "api");
}

Task<> ApiServer::shutdown(Duration grace) {
  handler_->close_streams();
  co_await server_->shutdown(grace);
}

}  // namespace remit::api
