#include "api/status.h"

#include <fmt/format.h>

#include "api/limits.h"
#include "base/strings.h"
#include "resource/meta.h"

namespace remit::api {

namespace {

struct Mapping {
  Code code;
  int http;
  std::string_view reason;
};

// From Code to the wire the first line with the code counts; from the wire to Code the first with the reason.
constexpr Mapping kMappings[] = {
    {Code::kInvalidArgument, 422, "Invalid"},
    {Code::kInvalidArgument, 400, "BadRequest"},
    {Code::kInvalidArgument, 415, "UnsupportedMediaType"},
    {Code::kNotFound, 404, "NotFound"},
    {Code::kAlreadyExists, 409, "AlreadyExists"},
    {Code::kConflict, 409, "Conflict"},
    {Code::kPermissionDenied, 403, "Forbidden"},
    {Code::kUnauthenticated, 401, "Unauthorized"},
    {Code::kResourceExhausted, 429, "TooManyRequests"},
    {Code::kResourceExhausted, 413, "RequestEntityTooLarge"},
    {Code::kOutOfRange, 410, "Expired"},
    {Code::kOutOfRange, 410, "Gone"},
    {Code::kFailedPrecondition, 412, "PreconditionFailed"},
    {Code::kUnimplemented, 405, "MethodNotAllowed"},
    {Code::kUnavailable, 503, "ServiceUnavailable"},
    {Code::kCancelled, 503, "ServiceUnavailable"},
    {Code::kDeadlineExceeded, 504, "Timeout"},
    {Code::kInternal, 500, "InternalError"},
    {Code::kDataLoss, 500, "InternalError"},
};

Code code_of(int http, std::string_view reason) {
  for (const auto& each : kMappings) {
    if (!reason.empty() && each.reason == reason) return each.code;
  }
  for (const auto& each : kMappings) {
    if (each.http == http) return each.code;
  }
  return http >= 500 ? Code::kUnavailable : Code::kInternal;
}

}  // namespace

StatusError status_of(const Error& error, StatusDetails details) {
  for (const auto& each : kMappings) {
    if (each.code == error.code()) return {each.http, std::string(each.reason), error.to_string(), std::move(details)};
  }
  return {500, "InternalError", error.to_string(), std::move(details)};
}

StatusError bad_request(std::string message) { return {400, "BadRequest", std::move(message), {}}; }

json::object to_json_object(const StatusError& status) {
  // The message may quote what a client sent.
  std::string message = to_valid_utf8(status.message);
  if (message.size() > kMessageBytes) message = printable(message, kMessageBytes);
  json::object out{{"kind", "Status"},    {"apiVersion", "v1"}, {"metadata", json::object()},
                   {"status", "Failure"}, {"message", message}, {"reason", status.reason}};
  json::object details;
  if (!status.details.name.empty()) details["name"] = to_valid_utf8(status.details.name);
  if (!status.details.plural.empty()) details["group"] = jsv(resource::kGroup), details["kind"] = status.details.plural;
  if (status.code == 422) {
    json::array causes;
    for (const auto line : split(message, '\n')) {
      if (!trim(line).empty())
        causes.push_back(json::object{{"reason", "FieldValueInvalid"}, {"message", jsv(trim(line))}});
    }
    details["causes"] = std::move(causes);
  }
  if (!details.empty()) out["details"] = std::move(details);
  out["code"] = status.code;
  return out;
}

Error error_of(const json::object& status) {
  const int http = static_cast<int>(get_int(status, "code", 500));
  std::string message(get_string(status, "message"));
  if (message.empty()) message = fmt::format("the server answered {} without saying why", http);
  return {code_of(http, get_string(status, "reason")), std::move(message)};
}

Error error_of(int http_status, std::string_view body) {
  const auto object = parse_json_object(body);
  if (object && get_string(*object, "kind") == "Status") return error_of(*object);
  return {code_of(http_status, ""),
          fmt::format("the server answered {}: {}", http_status, body.empty() ? "(nothing)" : printable(body, 200))};
}

}  // namespace remit::api
