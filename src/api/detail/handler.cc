#include "api/detail/handler.h"

#include <fmt/format.h>
#include <sys/types.h>
#include <unistd.h>

#include "api/detail/discovery.h"
#include "api/key_file.h"
#include "base/strings.h"
#include "http/url.h"
#include "resource/manifest.h"

namespace remit::api::detail {

namespace {

StatusDetails details_of(const Target& target) {
  return {target.name, target.kind ? std::string(target.kind->plural) : ""};
}

Answer refuse(const Error& error, const Target& target) { return detail::refuse(status_of(error, details_of(target))); }

Answer answer_of(Result<resource::Object> object, const Target& target, int status = 200) {
  if (!object) return refuse(object.error(), target);
  return {status, std::move(object->content()), ""};
}

Answer method_not_allowed(std::string_view method, std::string allow) {
  Answer answer = detail::refuse(
      {405, "MethodNotAllowed", fmt::format("{} is not possible here; {} is", printable(method, 40), allow), {}});
  answer.allow = std::move(allow);
  return answer;
}

resource::Key key_of(const Target& target) { return {std::string(target.kind->kind), target.ns, target.name}; }

// "application/json; charset=utf-8" → "application/json"
std::string media_type(const http::ServerRequest& request) {
  const auto value = request.headers().get("content-type");
  return to_lower(trim(value.substr(0, value.find(';'))));
}

Task<std::expected<std::string, StatusError>> read_text(http::ServerRequest& request) {
  auto body = co_await request.read_body(kRequestBytes);
  if (body) co_return std::move(*body);
  if (body.error().code() != Code::kResourceExhausted) co_return std::unexpected(bad_request(body.error().to_string()));
  co_return std::unexpected(
      StatusError{413, "RequestEntityTooLarge", fmt::format("the body has more than {} bytes", kRequestBytes), {}});
}

// One object, in JSON or YAML; duplicate keys and hostile nesting are refused by the manifest's reader.
std::expected<json::object, StatusError> parse_body(const std::string& text, const std::string& type) {
  const bool yaml = type == "application/yaml";
  if (!yaml && !type.empty() && type != "application/json" && type != "application/merge-patch+json") {
    return std::unexpected(
        StatusError{415,
                    "UnsupportedMediaType",
                    fmt::format("bodies are application/json or application/yaml, not {}", printable(type, 80)),
                    {}});
  }
  auto documents = yaml ? resource::parse_yaml(text) : resource::parse_json_documents(text);
  if (!documents) return std::unexpected(bad_request(resource::to_error(documents.error()).to_string()));
  if (documents->size() != 1 || !documents->front().value.is_object())
    return std::unexpected(bad_request("the body must be one object"));
  return std::move(documents->front().value.get_object());
}

// What the path says about the object must not be contradicted by its body; a namespace that is left out is the path's.
std::optional<StatusError> match(resource::Object& object, const Target& target) {
  if (object.api_version() != resource::kApiVersion || object.kind() != target.kind->kind) {
    return bad_request(fmt::format("the body must be a {} of {}, not {} of '{}'", target.kind->kind,
                                   resource::kApiVersion, printable(object.kind(), 80),
                                   printable(object.api_version(), 80)));
  }
  const auto* metadata = find(object.content(), "metadata");
  if (metadata && !metadata->is_object()) return bad_request("metadata must be an object");
  if (target.kind->namespaced) {
    if (object.ns().empty() && !target.ns.empty()) object.set_ns(target.ns);
    if (object.ns() != target.ns) {
      return bad_request(fmt::format("the namespace of the body, '{}', is not the one of the path, '{}'",
                                     printable(object.ns(), 80), target.ns));
    }
  }
  if (!target.name.empty() && object.name() != target.name) {
    return bad_request(fmt::format("the name of the body, '{}', is not the one of the path, '{}'",
                                   printable(object.name(), 80), target.name));
  }
  return std::nullopt;
}

Answer discover(TargetKind type) {
  switch (type) {
    case TargetKind::kVersion: return {200, version_info(), ""};
    case TargetKind::kCoreVersions: return {200, core_versions(), ""};
    case TargetKind::kGroups: return {200, group_list(), ""};
    case TargetKind::kGroup: return {200, group(), ""};
    default: return {200, resource_list(), ""};
  }
}

}  // namespace

Answer refuse(StatusError error) {
  const int code = error.code;
  return {code, to_json_object(error), ""};
}

Task<> send(http::ResponseWriter& response, Answer answer) {
  auto whole = http::json_response(answer.status, to_json(answer.body) + "\n");
  if (!answer.allow.empty()) whole.headers.set("Allow", answer.allow);
  if (answer.status == 401) whole.headers.set("WWW-Authenticate", "Bearer");
  (void)co_await response.send(std::move(whole));  // When the client has gone there is nobody left to tell.
}

std::optional<StatusError> Handler::refuse_peer(const http::ServerRequest& request) const {
  const auto& peer = request.peer();
  if (peer.kind == http::Peer::Kind::kUnix) {
    if (peer.uid && (*peer.uid == ::geteuid() || *peer.uid == 0)) return std::nullopt;
    return StatusError{
        403, "Forbidden", fmt::format("this API is for the user with uid {} and for root only", ::geteuid()), {}};
  }
  constexpr std::string_view kScheme = "bearer ";
  const auto value = request.headers().get("authorization");
  const bool bearer = value.size() > kScheme.size() && to_lower(value.substr(0, kScheme.size())) == kScheme;
  if (bearer && !key_.empty() && same_key(trim(value.substr(kScheme.size())), key_)) return std::nullopt;
  return StatusError{
      401, "Unauthorized", "send the key from the file api.key of the data folder as `Authorization: Bearer KEY`", {}};
}

Task<> Handler::handle(http::ServerRequest& request, http::ResponseWriter& response) {
  const auto target = parse_target(request.path());
  if (target && target->type == TargetKind::kHealth) {
    (void)co_await response.send(http::text_response(200, "ok"));
    co_return;
  }
  if (auto refused = refuse_peer(request)) {
    co_await send(response, refuse(std::move(*refused)));
    co_return;
  }
  if (!target) {
    const auto& error = target.error();
    co_await send(response,
                  refuse(error.code() == Code::kInvalidArgument ? bad_request(error.to_string()) : status_of(error)));
    co_return;
  }
  const auto query = parse_query(request.query());
  if (!query) {
    co_await send(response, refuse(bad_request(query.error().to_string())));
    co_return;
  }
  const bool reads = request.method() == "GET" || request.method() == "HEAD";
  if (target->type == TargetKind::kLog || !target->kind) {
    if (!reads) {
      co_await send(response, method_not_allowed(request.method(), "GET"));
    } else if (target->type == TargetKind::kLog) {
      co_await stream_log(request, response, *target, *query);
    } else {
      co_await send(response, discover(target->type));
    }
    co_return;
  }
  if (request.method() == "GET" && query->watch && target->type != TargetKind::kStatus) {
    co_await watch(request, response, *target, *query);
    co_return;
  }
  co_await send(response, co_await resource(request, *target, *query));
}

Task<Answer> Handler::resource(http::ServerRequest& request, Target target, Query query) {
  const auto method = request.method();
  const bool reads = method == "GET" || method == "HEAD";
  if (target.type == TargetKind::kCollection) {
    if (reads) co_return co_await list(std::move(target), std::move(query));
    if (method == "POST") co_return co_await create(request, std::move(target));
    co_return method_not_allowed(method, "GET, POST");
  }
  if (reads) co_return co_await read(std::move(target), std::move(query));
  if (method == "PUT") co_return co_await replace(request, std::move(target));
  if (method == "PATCH") co_return co_await patch(request, std::move(target));
  if (method == "DELETE" && target.type == TargetKind::kObject) co_return co_await remove(request, std::move(target));
  co_return method_not_allowed(method,
                               target.type == TargetKind::kObject ? "GET, PUT, PATCH, DELETE" : "GET, PUT, PATCH");
}

Task<Answer> Handler::read(Target target, Query) {
  co_return answer_of(co_await parts_.store.get(key_of(target)), target);
}

Task<Answer> Handler::list(Target target, Query query) {
  if (!query.ns.empty() && !target.ns.empty() && query.ns != target.ns)
    co_return refuse(bad_request("metadata.namespace is not the one of the path"));
  resource::ListOptions options;
  options.kind = target.kind->kind;
  options.ns = target.ns.empty() ? query.ns : target.ns;
  options.name = query.name;
  options.selector = query.selector;
  options.limit = query.limit;
  options.continue_token = query.continue_token;
  auto page = co_await parts_.store.list(std::move(options));
  if (!page) co_return refuse(page.error(), target);
  json::object metadata{{"resourceVersion", page->resource_version}};
  if (!page->continue_token.empty()) metadata["continue"] = page->continue_token;
  json::array items;
  items.reserve(page->items.size());
  for (auto& item : page->items) items.push_back(std::move(item.content()));
  co_return Answer{200,
                   {{"apiVersion", jsv(resource::kApiVersion)},
                    {"kind", fmt::format("{}List", target.kind->kind)},
                    {"metadata", std::move(metadata)},
                    {"items", std::move(items)}},
                   ""};
}

Task<Answer> Handler::create(http::ServerRequest& request, Target target) {
  auto text = co_await read_text(request);
  if (!text) co_return refuse(std::move(text.error()));
  auto body = parse_body(*text, media_type(request));
  if (!body) co_return refuse(std::move(body.error()));
  resource::Object object(std::move(*body));
  if (target.kind->namespaced && target.ns.empty())
    co_return refuse(bad_request("an object is created under /namespaces/{namespace}/"));
  if (auto mismatch = match(object, target)) co_return refuse(std::move(*mismatch));
  target.name = object.name();
  co_return answer_of(co_await parts_.store.create(std::move(object)), target, 201);
}

Task<Answer> Handler::replace(http::ServerRequest& request, Target target) {
  auto text = co_await read_text(request);
  if (!text) co_return refuse(std::move(text.error()));
  auto body = parse_body(*text, media_type(request));
  if (!body) co_return refuse(std::move(body.error()));
  resource::Object object(std::move(*body));
  if (auto mismatch = match(object, target)) co_return refuse(std::move(*mismatch));
  if (target.type == TargetKind::kStatus)
    co_return answer_of(co_await parts_.store.update_status(std::move(object)), target);
  co_return answer_of(co_await parts_.store.update(std::move(object)), target);
}

Task<Answer> Handler::patch(http::ServerRequest& request, Target target) {
  if (const auto type = media_type(request); type != "application/merge-patch+json") {
    co_return refuse({415, "UnsupportedMediaType",
                      fmt::format("patches are application/merge-patch+json, not '{}'", printable(type, 80)),
                      details_of(target)});
  }
  auto text = co_await read_text(request);
  if (!text) co_return refuse(std::move(text.error()));
  auto body = parse_body(*text, "application/merge-patch+json");
  if (!body) co_return refuse(std::move(body.error()));
  const auto part =
      target.type == TargetKind::kStatus ? resource::PatchTarget::kStatus : resource::PatchTarget::kObject;
  co_return answer_of(co_await parts_.store.patch(key_of(target), std::move(*body), part), target);
}

Task<Answer> Handler::remove(http::ServerRequest& request, Target target) {
  auto text = co_await read_text(request);
  if (!text) co_return refuse(std::move(text.error()));
  resource::Preconditions preconditions;
  if (!trim(*text).empty()) {
    auto options = parse_body(*text, media_type(request));
    if (!options) co_return refuse(std::move(options.error()));
    if (find(*options, "dryRun")) co_return refuse(bad_request("dryRun is not supported"));
    if (const auto* wanted = find_object(*options, "preconditions")) {
      preconditions.uid = get_string(*wanted, "uid");
      preconditions.resource_version = get_string(*wanted, "resourceVersion");
    }
  }
  co_return answer_of(co_await parts_.store.remove(key_of(target), std::move(preconditions)), target);
}

void Handler::close_streams() {
  closing_ = true;
  // A closer may end its stream at once and so take itself off the list.
  for (auto each = closers_.begin(); each != closers_.end();) (*each++)();
}

}  // namespace remit::api::detail
