// Handler: one request of the API, from its authentication to its answer.
#pragma once

#include <functional>
#include <list>
#include <string>

#include "api/api_server.h"
#include "api/status.h"
#include "api/target.h"

namespace remit::api::detail {

struct Answer {
  int status = 200;
  json::object body;
  std::string allow;  // Of a 405: the methods there are.
};
Answer refuse(StatusError error);

class Handler {
 public:
  Handler(ApiParts parts, ApiOptions options) : parts_(parts), options_(std::move(options)) {}

  Task<> handle(http::ServerRequest& request, http::ResponseWriter& response);
  void set_key(std::string key) { key_ = std::move(key); }
  void close_streams();

 private:
  // A place among the streams that close_streams() ends, held while this lives.
  class Stream;
  using Closers = std::list<std::function<void()>>;

  std::optional<StatusError> refuse_peer(const http::ServerRequest& request) const;
  Task<Answer> resource(http::ServerRequest& request, Target target, Query query);
  Task<Answer> read(Target target, Query query);
  Task<Answer> list(Target target, Query query);
  Task<Answer> create(http::ServerRequest& request, Target target);
  Task<Answer> replace(http::ServerRequest& request, Target target);
  Task<Answer> patch(http::ServerRequest& request, Target target);
  Task<Answer> remove(http::ServerRequest& request, Target target);

  Task<> watch(http::ServerRequest& request, http::ResponseWriter& response, Target target, Query query);
  Task<> stream_log(http::ServerRequest& request, http::ResponseWriter& response, Target target, Query query);
  Task<> follow_log(http::ServerRequest& request, http::ResponseWriter& response, Ulid run, bool follow);

  ApiParts parts_;
  const ApiOptions options_;
  std::string key_;
  bool closing_ = false;
  Closers closers_;
  std::size_t watches_ = 0, logs_ = 0;
};

class Handler::Stream {
 public:
  Stream(Handler& handler, std::size_t& count, std::function<void()> close) : handler_(handler), count_(count) {
    ++count_;
    at_ = handler_.closers_.insert(handler_.closers_.end(), std::move(close));
  }
  ~Stream() {
    --count_;
    handler_.closers_.erase(at_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

 private:
  Handler& handler_;
  std::size_t& count_;
  Closers::iterator at_;
};

Task<> send(http::ResponseWriter& response, Answer answer);

}  // namespace remit::api::detail
