// Session: one accepted connection from its first byte to its close, request after request. It owns itself through its
// coroutine; ServerState knows it by pointer only while it lives.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "http/detail/body_reader.h"
#include "http/detail/flat_buffer.h"
#include "http/detail/head_parser.h"
#include "http/detail/head_writer.h"
#include "http/detail/wire.h"
#include "http/server.h"

namespace remit::http::detail {

struct Listener;

struct ServerState {
  ServerState(asio::any_io_executor executor_in, ServerOptions options_in, Handler handler_in, Clock& clock);

  asio::any_io_executor executor;
  ServerOptions options;
  Handler handler;
  std::shared_ptr<Deadlines> deadlines;
  std::unordered_set<Session*> sessions;
  std::vector<std::shared_ptr<Listener>> listeners;
  DateLine date;
  ServerStats stats;
  bool draining = false;
  std::shared_ptr<Event> all_ended;  // Set by shutdown(), notified by the last session.
};

class Session final : public std::enable_shared_from_this<Session> {
 public:
  enum class Role : std::uint8_t { kServe, kRefuse };  // kRefuse: over the limit of connections; says so and closes.

  Session(std::shared_ptr<ServerState> state, Socket socket, Peer peer, Role role);
  ~Session();
  static void start(std::shared_ptr<Session> self);

  bool is_idle() const { return phase_ == Phase::kIdle; }
  SteadyTime idle_since() const { return idle_since_; }
  // Ends the connection at once; a handler at work is told and cancelled.
  void cut();

  const RequestHead& head() const { return head_; }
  const Peer& peer();
  bool has_body() const { return !body_.done(); }
  Task<Result<std::string>> read_body(std::size_t max_bytes);
  Task<Result<std::optional<std::string>>> read_some();
  bool disconnected();
  void on_disconnect(std::function<void()> callback);

  Task<Result<>> send(int status, const HeaderTable* headers, std::string_view content_type, std::string_view body);
  Task<Result<>> send_response(Response response);
  Task<Result<>> begin(int status, HeaderTable headers, std::optional<std::uint64_t> length);
  Task<Result<>> write(std::string_view bytes);
  Task<Result<>> write_owned(std::string bytes);
  Task<Result<>> finish();
  bool began() const { return answer_ != Answer::kNone; }
  bool finished() const { return answer_ == Answer::kFinished; }
  void abort();

 private:
  enum class Phase : std::uint8_t { kIdle, kHead, kHandler, kClosing };
  enum class Answer : std::uint8_t { kNone, kStreaming, kFinished };

  Task<> run();
  Task<bool> read_head();
  Task<bool> refuse(int status, std::string message);
  Task<bool> answer();
  Task<> call_handler();
  Task<> answer_for_handler();
  Task<bool> drain_body();
  Task<> linger();

  void reset_for_request();
  IoBound body_bound() const;
  IoBound write_bound() const { return {kNever, timeouts().write}; }
  const ServerTimeouts& timeouts() const { return state_->options.timeouts; }
  Result<> make_head(int status, const HeaderTable& headers, std::string_view content_type, BodyHeader body,
                     std::uint64_t length);
  Result<> note_written(Result<> result);
  void watch();
  void on_readable(boost::system::error_code error);
  void note_disconnect();

  std::shared_ptr<ServerState> state_;
  Wire wire_;
  Peer peer_;
  Role role_;
  Phase phase_ = Phase::kIdle;
  SteadyTime idle_since_;
  asio::cancellation_signal cancel_signal_;

  FlatBuffer in_;
  std::string out_;
  HeadScanner scanner_;
  RequestHead head_;
  BodyReader body_;
  SteadyTime body_until_ = kNever;
  std::uint64_t body_bytes_ = 0;
  int body_status_ = 0;  // What a failed read of the body would be answered with.
  bool continue_due_ = false;

  Answer answer_ = Answer::kNone;
  bool keep_alive_ = true;
  bool chunked_out_ = false;
  bool bodiless_ = false;  // The answer to HEAD, or 204 or 304.
  std::optional<std::uint64_t> out_remaining_;
  bool needs_linger_ = false;
  bool aborted_ = false;

  std::function<void()> disconnect_callback_;
  bool disconnected_ = false;
  bool watching_ = false;      // A handler wants to know.
  bool wait_pending_ = false;  // The kernel was asked.
};

}  // namespace remit::http::detail
