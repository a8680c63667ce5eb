// Status: how an error looks on the wire (Kubernetes' meta/v1 Status), and back. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace remit::api {

// What a Status is about; empty members are left out.
struct StatusDetails {
  std::string name;
  std::string plural;  // "missions"
};

// An error with the HTTP code and the reason that a client decides by.
struct StatusError {
  int code = 500;
  std::string reason;  // "NotFound", "Conflict", …
  std::string message;
  StatusDetails details;
};

// The code follows the meaning of the error: kInvalidArgument is 422 "Invalid" (a well-formed object that breaks a
// rule), kOutOfRange 410 "Expired".
StatusError status_of(const Error& error, StatusDetails details = {});
StatusError bad_request(std::string message);  // 400: what was sent cannot be read.

json::object to_json_object(const StatusError& status);
// The Error that a server's answer stands for. `body` may be anything: an answer of something else than our server is
// explained as such.
Error error_of(int http_status, std::string_view body);
// The same for the object of an ERROR event.
Error error_of(const json::object& status);

}  // namespace remit::api
