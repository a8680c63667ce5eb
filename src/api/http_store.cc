#include "api/http_store.h"

#include <fmt/format.h>

#include "api/status.h"
#include "api/target.h"
#include "base/strings.h"
#include "http/url.h"
#include "resource/kinds.h"

namespace remit::api {

namespace {

constexpr std::size_t kAnswerBytes =
    resource::limits::kListBytes + (32u << 20);  // A page may pass its limit by one object.
constexpr int kEmptyEnds = 3;  // Watches that end in order without an event, one after the other, before we give up.

Result<const resource::KindInfo*> kind_of(std::string_view name) {
  if (const auto* kind = resource::find_kind(name)) return kind;
  return fail(invalid_argument(fmt::format("there is no kind '{}'", printable(name, 80))));
}

void add_parameter(std::string& target, std::string_view key, std::string_view value) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  target += fmt::format("{}={}", key, http::percent_encode(value));
}

void add_filters(std::string& target, const std::string& name, const resource::LabelSelector& selector) {
  if (!name.empty()) add_parameter(target, "fieldSelector", "metadata.name=" + name);
  if (!selector.empty()) add_parameter(target, "labelSelector", selector.to_string());
}

Result<resource::Object> object_of(std::string_view body) {
  auto content = parse_json_object(body);
  if (!content || get_string(*content, "kind").empty())
    return fail(Code::kDataLoss, "the server's answer is no object");
  return resource::Object(std::move(*content));
}

}  // namespace

class HttpStore::Connection {
 public:
  Connection(asio::any_io_executor executor, ApiAddress address)
      : address_(std::move(address)), client_(std::move(executor)) {}

  http::Request request(std::string method, const std::string& target) const {
    http::Request out;
    out.method = std::move(method);
    out.url = address_.url + target;
    out.unix_socket = address_.unix_socket;
    out.headers.set("Accept", "application/json");
    if (!address_.key.empty()) out.headers.set("Authorization", "Bearer " + address_.key);
    return out;
  }

  Task<Result<std::string>> call(http::Request request) {
    http::CallOptions options;
    options.total = kCallTimeout;
    options.max_body = kAnswerBytes;
    REMIT_CO_TRY(auto response, co_await client_.fetch(std::move(request), std::move(options)));
    if (response.status < 200 || response.status > 299) co_return fail(error_of(response.status, response.body));
    co_return std::move(response.body);
  }

  Task<Result<std::unique_ptr<http::ResponseStream>>> open(http::Request request) {
    http::CallOptions options;
    options.total = Duration(0), options.idle = Duration(0);
    options.first_byte = kCallTimeout;
    REMIT_CO_TRY(auto stream, co_await client_.open(std::move(request), std::move(options)));
    if (stream->status() == 200) co_return std::move(stream);
    REMIT_CO_TRY(const auto body, co_await stream->read_all(kRequestBytes));
    co_return fail(error_of(stream->status(), body));
  }

  Task<Result<resource::Object>> change(std::string method, std::string target, std::string body, std::string type) {
    auto wanted = request(std::move(method), target);
    wanted.headers.set("Content-Type", type);
    wanted.body = std::move(body);
    REMIT_CO_TRY(const auto answer, co_await call(std::move(wanted)));
    co_return object_of(answer);
  }

 private:
  const ApiAddress address_;
  http::Client client_;
};

class HttpStore::HttpWatch final : public resource::Watch {
 public:
  HttpWatch(std::shared_ptr<Connection> connection, std::string target, std::string version)
      : connection_(std::move(connection)),
        target_(std::move(target)),
        version_(std::move(version)),
        synced_(!version_.empty()) {}

  Task<Result<>> open() {
    std::string target = target_;
    if (!version_.empty()) add_parameter(target, "resourceVersion", version_);
    REMIT_CO_TRY(stream_, co_await connection_->open(connection_->request("GET", target)));
    pending_.clear();
    if (closed_) stream_->cancel();
    co_return Result<>{};
  }

  Task<Result<resource::WatchEvent>> next() override {
    for (;;) {
      if (closed_) co_return fail(Code::kCancelled, "the watch was closed");
      if (const auto end = pending_.find('\n'); end != std::string::npos) {
        const std::string line = pending_.substr(0, end);
        pending_.erase(0, end + 1);
        empty_ends_ = 0, seen_ = true;
        co_return take(line);
      }
      if (pending_.size() > kWatchLineBytes)
        co_return fail(Code::kResourceExhausted, fmt::format("an event has more than {} bytes", kWatchLineBytes));
      auto piece = co_await stream_->read_some();
      if (closed_) continue;
      if (!piece) co_return fail(piece.error());
      if (*piece) {
        pending_ += **piece;
      } else {
        REMIT_CO_CHECK_OK(co_await go_on());
      }
    }
  }

  void close() override {
    closed_ = true;
    if (stream_) stream_->cancel();
  }

 private:
  Result<resource::WatchEvent> take(const std::string& line) {
    REMIT_TRY(auto event, parse_json_object(line));
    auto* object = event.if_contains("object");
    if (!object || !object->is_object()) return fail(Code::kDataLoss, "an event of the watch has no object");
    const auto type = get_string(event, "type");
    if (type == "ERROR") return fail(error_of(object->get_object()));
    for (const auto known : {resource::WatchEventType::kAdded, resource::WatchEventType::kModified,
                             resource::WatchEventType::kDeleted, resource::WatchEventType::kBookmark}) {
      if (type != resource::to_string(known)) continue;
      resource::WatchEvent out{known, resource::Object(std::move(object->get_object()))};
      synced_ = synced_ || known == resource::WatchEventType::kBookmark;
      if (synced_) version_ = out.object.resource_version();
      return out;
    }
    return fail(Code::kDataLoss, fmt::format("the watch has an event of the unknown type '{}'", printable(type, 40)));
  }

  // The server ended the stream in order.
  Task<Result<>> go_on() {
    if (!synced_ && seen_)
      co_return fail(resource::kExpired, "the watch ended while it told what there was; list again");
    if (++empty_ends_ >= kEmptyEnds) co_return fail(Code::kUnavailable, "the server ends the watch again and again");
    co_return co_await open();
  }

  const std::shared_ptr<Connection> connection_;
  const std::string target_;
  std::string version_;  // Of the last event, once what there was at the beginning has been told.
  bool synced_;
  bool closed_ = false, seen_ = false;
  int empty_ends_ = 0;
  std::string pending_;
  std::unique_ptr<http::ResponseStream> stream_;
};

HttpStore::HttpStore(asio::any_io_executor executor, ApiAddress address)
    : connection_(std::make_shared<Connection>(std::move(executor), std::move(address))) {}
HttpStore::~HttpStore() = default;

Task<Result<resource::Object>> HttpStore::get(resource::Key key) {
  REMIT_CO_TRY(const auto* kind, kind_of(key.kind));
  if (key.name.empty()) co_return fail(not_found("an object without a name cannot be there"));
  const auto connection = connection_;
  REMIT_CO_TRY(const auto body,
               co_await connection->call(connection->request("GET", path_of_object(*kind, key.ns, key.name))));
  co_return object_of(body);
}

Task<Result<resource::ObjectList>> HttpStore::list(resource::ListOptions options) {
  REMIT_CO_TRY(const auto* kind, kind_of(options.kind));
  std::string target = path_of_object(*kind, options.ns, "");
  add_filters(target, options.name, options.selector);
  if (options.limit > 0) add_parameter(target, "limit", std::to_string(options.limit));
  if (!options.continue_token.empty()) add_parameter(target, "continue", options.continue_token);
  const auto connection = connection_;
  REMIT_CO_TRY(const auto body, co_await connection->call(connection->request("GET", target)));
  REMIT_CO_TRY(auto content, parse_json_object(body));
  resource::ObjectList out;
  const auto* metadata = find_object(content, "metadata");
  auto* items = content.if_contains("items");
  if (!metadata || !items || !items->is_array()) co_return fail(Code::kDataLoss, "the server's answer is no list");
  out.resource_version = get_string(*metadata, "resourceVersion");
  out.continue_token = get_string(*metadata, "continue");
  for (auto& item : items->get_array()) {
    if (!item.is_object()) co_return fail(Code::kDataLoss, "the server's list holds something that is no object");
    out.items.emplace_back(std::move(item.get_object()));
  }
  co_return out;
}

Task<Result<std::unique_ptr<resource::Watch>>> HttpStore::watch(resource::WatchOptions options) {
  REMIT_CO_TRY(const auto* kind, kind_of(options.kind));
  std::string target = path_of_object(*kind, options.ns, "");
  add_parameter(target, "watch", "true");
  add_parameter(target, "allowWatchBookmarks", "true");
  add_filters(target, options.name, options.selector);
  auto opened = std::make_unique<HttpWatch>(connection_, std::move(target), std::move(options.resource_version));
  REMIT_CO_CHECK_OK(co_await opened->open());
  co_return std::unique_ptr<resource::Watch>(std::move(opened));
}

Task<Result<resource::Object>> HttpStore::create(resource::Object object) {
  REMIT_CO_TRY(const auto* kind, kind_of(object.kind()));
  const auto ns = object.ns().empty() ? resource::kDefaultNamespace : object.ns();
  const auto connection = connection_;
  co_return co_await connection->change("POST", path_of_object(*kind, ns, ""), to_json(object.content()),
                                        "application/json");
}

static Result<std::string> target_of(const resource::Object& object) {
  REMIT_TRY(const auto* kind, kind_of(object.kind()));
  if (object.name().empty()) return fail(invalid_argument("an object without a name cannot be updated"));
  return path_of_object(*kind, object.ns(), object.name());
}

Task<Result<resource::Object>> HttpStore::update(resource::Object object) {
  REMIT_CO_TRY(auto target, target_of(object));
  const auto connection = connection_;
  co_return co_await connection->change("PUT", std::move(target), to_json(object.content()), "application/json");
}

Task<Result<resource::Object>> HttpStore::update_status(resource::Object object) {
  REMIT_CO_TRY(auto target, target_of(object));
  const auto connection = connection_;
  co_return co_await connection->change("PUT", target + "/status", to_json(object.content()), "application/json");
}

Task<Result<resource::Object>> HttpStore::patch(resource::Key key, json::value merge_patch,
                                                resource::PatchTarget part) {
  REMIT_CO_TRY(const auto* kind, kind_of(key.kind));
  if (key.name.empty()) co_return fail(not_found("an object without a name cannot be there"));
  std::string target = path_of_object(*kind, key.ns, key.name);
  if (part == resource::PatchTarget::kStatus) target += "/status";
  const auto connection = connection_;
  co_return co_await connection->change("PATCH", std::move(target), to_json(merge_patch),
                                        "application/merge-patch+json");
}

Task<Result<resource::Object>> HttpStore::remove(resource::Key key, resource::Preconditions preconditions) {
  REMIT_CO_TRY(const auto* kind, kind_of(key.kind));
  if (key.name.empty()) co_return fail(not_found("an object without a name cannot be there"));
  json::object wanted;
  if (!preconditions.uid.empty()) wanted["uid"] = preconditions.uid;
  if (!preconditions.resource_version.empty()) wanted["resourceVersion"] = preconditions.resource_version;
  const json::object body{{"kind", "DeleteOptions"}, {"apiVersion", "v1"}, {"preconditions", std::move(wanted)}};
  const auto connection = connection_;
  co_return co_await connection->change("DELETE", path_of_object(*kind, key.ns, key.name), to_json(body),
                                        "application/json");
}

}  // namespace remit::api
