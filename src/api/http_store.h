// HttpStore: the store behind an ApiServer, or any server that speaks the same REST form.
//
// Differs from the promises of resource::Store in two ways: it belongs to the one thread of its executor, and besides
// the store's errors a call can fail with kUnauthenticated, kPermissionDenied, kDeadlineExceeded and kDataLoss (what
// came back is no answer of such a server). A call that changes something is never repeated by itself. A watch that the
// server ends in order goes on where it stopped; events wait in the server, which ends a watch that falls behind. Calls
// and watches under way keep what they need, so that the HttpStore may go before them.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "api/limits.h"
#include "http/client.h"
#include "resource/store.h"

namespace remit::api {

struct ApiAddress {
  std::string unix_socket;               // Dialled when set; the URL then gives only Host.
  std::string url = "http://localhost";  // Without a path.
  std::string key;                       // Sent as a bearer token when set.
};

class HttpStore final : public resource::Store {
 public:
  HttpStore(asio::any_io_executor executor, ApiAddress address);
  ~HttpStore() override;

  Task<Result<resource::Object>> get(resource::Key key) override;
  Task<Result<resource::ObjectList>> list(resource::ListOptions options) override;
  Task<Result<std::unique_ptr<resource::Watch>>> watch(resource::WatchOptions options) override;
  Task<Result<resource::Object>> create(resource::Object object) override;
  Task<Result<resource::Object>> update(resource::Object object) override;
  Task<Result<resource::Object>> update_status(resource::Object object) override;
  Task<Result<resource::Object>> patch(resource::Key key, json::value merge_patch,
                                       resource::PatchTarget target) override;
  Task<Result<resource::Object>> remove(resource::Key key, resource::Preconditions preconditions) override;

 private:
  class Connection;
  class HttpWatch;
  std::shared_ptr<Connection> connection_;
};

}  // namespace remit::api
