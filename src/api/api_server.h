// ApiServer: the kinds over HTTP in Kubernetes' REST form, in front of any resource::Store (paths: target.h; protocol:
// the Kubernetes API concepts page, "Resource URIs", "Efficient detection of changes", and meta/v1 Status).
//
//   GET     object or collection (labelSelector, fieldSelector, limit, continue), ?watch=1 as JSON lines, log of a
//   mission's run POST    collection            PUT    object, status (409 when it changed since it was read) PATCH
//   object, status (application/merge-patch+json)          DELETE object (preconditions); the answer is the object's
//   last state
//
// Who may: on the unix socket processes of our own user and of root, told by the kernel (SO_PEERCRED); on TCP whoever
// sends the key as a bearer token; TCP is bound to loopback only. /healthz needs nothing. A watch that cannot begin
// where it is asked to is answered 410; one that falls behind later ends with an ERROR event that holds the 410 Status.
// Bodies are JSON or YAML; duplicate keys are refused.
//
// One thread: the one of the executor. What the parts refer to must outlive shutdown().
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "api/limits.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "http/server.h"
#include "resource/store.h"
#include "store/data_folder.h"
#include "store/file_system.h"

namespace remit::api {

namespace detail {
class Handler;
}

struct ApiParts {
  asio::any_io_executor executor;
  resource::Store& store;
  Clock& clock;
  // For the logs of runs, which are read on the pool.
  const store::DataFolder& folder;
  store::FileSystem& files;
  asio::thread_pool& pool;
};

struct ApiOptions {
  std::size_t watch_streams = kWatchStreams;
  std::size_t log_streams = kLogStreams;
  Duration watch_longest = kWatchLongest;
  http::ServerLimits limits;
  http::ServerTimeouts timeouts;
};

class ApiServer {
 public:
  explicit ApiServer(ApiParts parts, ApiOptions options = {});
  ~ApiServer();

  Result<> listen_unix(std::string path);
  // `key` is what clients must send; returns the port. kInvalidArgument for an address that is not of this machine
  // alone.
  Result<std::uint16_t> listen_loopback(std::string address, std::uint16_t port, std::string key);
  // Ends watches and log streams, lets other requests finish within `grace`.
  Task<> shutdown(Duration grace);

 private:
  std::shared_ptr<detail::Handler> handler_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace remit::api
