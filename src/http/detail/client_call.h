// ClientCall: one request and its answer, on one connection of the pool.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/client.h"
#include "http/detail/body_reader.h"
#include "http/detail/client_state.h"
#include "http/detail/head_parser.h"

namespace remit::http::detail {

class ClientCall {
 public:
  // Sends the request and reads the head of the answer.
  static Task<Result<std::unique_ptr<ClientCall>>> open(std::shared_ptr<ClientState> state, Request request,
                                                        CallOptions options);

  ClientCall(std::shared_ptr<ClientState> state, CallOptions options);

  const ResponseHead& head() const { return head_; }
  HeaderTable take_headers() { return std::move(head_.headers); }
  Task<Result<std::optional<std::string>>> read_some();
  Task<Result<std::string>> read_all(std::size_t max_bytes);
  void cancel();

 private:
  Task<Result<>> start(Request request);
  Task<Result<>> acquire(const Url& url, const std::string& unix_socket, bool fresh);
  Task<Result<>> exchange(const Request& request, const Url& url);
  Task<Result<>> read_head(bool to_head_request);
  Task<Result<>> read_one_head(bool to_head_request, SteadyTime until);
  void settle();

  std::shared_ptr<ClientState> state_;
  CallOptions options_;
  SteadyTime until_;
  Lease lease_;
  ResponseHead head_;
  BodyReader body_;
  bool got_bytes_ = false;
  bool cancelled_ = false;
  std::optional<Error> failure_;  // A stream that failed stays failed.
  std::string what_;              // "GET https://host/path", for errors; without the query, which may hold secrets.
};

}  // namespace remit::http::detail
