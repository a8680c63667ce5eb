// Request and Response as a client sends and collects them, and as a server answers whole. Plain values.
#pragma once

#include <string>
#include <string_view>

#include "http/header_table.h"

namespace remit::http {

struct Request {
  std::string method = "GET";
  std::string url;      // "http://host[:port]/path?query" or "https://…"
  HeaderTable headers;  // Host, Content-Length, Transfer-Encoding and Connection are the client's own and refused here.
  std::string body;
  std::string unix_socket;  // When set: this socket is dialled; the URL (http only) gives Host and target.
};

struct Response {
  int status = 200;
  HeaderTable headers;
  std::string body;
};

// "Not Found"; "Unknown" for a number without a name.
std::string_view reason_phrase(int status);
Response text_response(int status, std::string_view text);  // text/plain; charset=utf-8
Response json_response(int status, std::string json);       // application/json

}  // namespace remit::http
