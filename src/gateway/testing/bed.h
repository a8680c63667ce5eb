// A gateway on a thread of its own, in front of a real pipeline with scripted executors; and a client that speaks raw
// HTTP/1.1 to it over loopback.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <mutex>
#include <thread>

#include "gateway/gateway.h"
#include "gateway/testing/script.h"
#include "models/model_executor.h"

namespace remit::gateway::testing {

// Real time passes, but the date is always the same.
class FixedDateClock final : public Clock {
 public:
  WallTime wall_now() const override { return wall_from_nanos(1'764'000'000'000'000'000); }
  SteadyTime steady_now() const override { return clock_.steady_now(); }
  Task<bool> sleep_until(SteadyTime at) override { return clock_.sleep_until(at); }

 private:
  SystemClock clock_;
};

class MemoryLog final : public action::RunLog {
 public:
  using RunLog::RunLog;
  Task<Result<>> wait_durable(std::uint64_t) override { co_return Result<>{}; }
  std::vector<json::object> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }

 protected:
  Result<> write(std::uint64_t, std::string bytes) override {
    const std::lock_guard lock(mutex_);
    records_.push_back(*parse_json_object(bytes));
    return {};
  }

 private:
  mutable std::mutex mutex_;
  std::vector<json::object> records_;
};

class TestLedger final : public Ledger {
 public:
  Result<Amounts> estimate(const Action&) const override { return Amounts{{10}, 5, 1}; }
  Result<> reserve(const AttemptId&, const Amounts&) override {
    if (exhausted) return fail(Code::kResourceExhausted, "mission: 0 of 200 calls are left");
    return {};
  }
  void release(const AttemptId&) override {}
  Amounts settle(const AttemptId&, const Action&, const Outcome&) override { return {{7}, 3, 1}; }
  BudgetView view() const override { return {}; }
  bool exhausted = false;
};

class TestStage final : public Stage {
 public:
  std::string_view name() const override { return "permissions"; }
  Task<Verdict> decide(const Action& action, const CallContext&, const Verdict&) override {
    const auto found = verdicts.find(action.tool);
    co_return found == verdicts.end() ? Verdict::allow("permissions", "all") : found->second;
  }
  std::map<std::string, Verdict> verdicts;
};

struct Scene {
  Script model, tool;
  std::map<std::string, Verdict> verdicts;
  bool exhausted = false;
  std::string hidden;  // A tool that the agent is not shown.
  GatewayLimits limits;
};

inline constexpr const char* kTestKey = "rk-test";

// All of it lives on the bed's thread; tests reach in with on_thread().
class Bed {
 public:
  explicit Bed(Scene scene = {}) {
    model->lines = std::move(scene.model), tool->lines = std::move(scene.tool);
    ledger.exhausted = scene.exhausted;
    stage.verdicts = std::move(scene.verdicts);
    EXPECT_TRUE(models.add(std::make_unique<ScriptedProvider>(io.get_executor(), clock, model)));
    for (auto& built_in : mesh::built_in_tools()) EXPECT_TRUE(catalogue.add(std::move(built_in)));
    table.add("model.call", models);
    for (const char* family : {"files.", "shell.run", "http.request"}) table.add(family, tools);
    gateway.emplace(GatewayParts{.executor = io.get_executor(),
                                 .pipeline = pipeline,
                                 .catalogue = catalogue,
                                 .clock = clock,
                                 .rng = rng,
                                 .key = kTestKey,
                                 .provider = "scripted",
                                 .models = {"some-model", "other/model"},
                                 .may_allow = [hidden = scene.hidden](std::string_view name) { return name != hidden; },
                                 .instructions = "Import the invoices.",
                                 .limits = scene.limits});
    const auto listening = gateway->listen();
    EXPECT_TRUE(listening);
    port = listening.value_or(0);
    thread = std::thread([this] { io.run(); });
  }

  ~Bed() {
    stop(std::chrono::milliseconds(200));
    on_thread([this] { gateway.reset(); });
    work.reset();
    thread.join();
    EXPECT_EQ(pipeline.open_calls(), 0u) << "a call was left under way";
  }

  void stop(Duration grace) {
    auto stopped = std::make_shared<std::promise<void>>();
    auto waited = stopped->get_future();
    asio::co_spawn(io, gateway->shutdown(grace), [stopped](std::exception_ptr) { stopped->set_value(); });
    waited.wait();
  }

  template <typename Work>
  std::invoke_result_t<Work> on_thread(Work job) {
    using Value = std::invoke_result_t<Work>;
    auto result = std::make_shared<std::promise<Value>>();
    auto waited = result->get_future();
    asio::post(io, [result, job]() mutable {
      if constexpr (std::is_void_v<Value>) {
        job(), result->set_value();
      } else {
        result->set_value(job());
      }
    });
    return waited.get();
  }

  // The types of the run log's records from `from` on, once there are at least `count` of them or ten seconds passed.
  std::vector<std::string> log_types(std::size_t from, std::size_t count) const {
    for (int i = 0; i < 2000 && log.records().size() < from + count; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    std::vector<std::string> types;
    const auto records = log.records();
    for (std::size_t i = from; i < records.size(); ++i) types.emplace_back(get_string(records[i], "type"));
    return types;
  }

  asio::io_context io;
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  FixedDateClock clock;
  SeededRng rng{1};
  MemoryLog log{clock};
  TestLedger ledger;
  TestStage stage;
  std::shared_ptr<ScriptState> model = std::make_shared<ScriptState>(), tool = std::make_shared<ScriptState>();
  models::ModelExecutor models{io.get_executor()};
  ScriptedTools tools{io.get_executor(), clock, tool};
  mesh::Catalogue catalogue{[](std::string_view path) -> Result<std::string> {
    if (path.find("..") != path.npos) return fail(invalid_argument("it leads out of the workspace"));
    return std::string(path);
  }};
  action::ExecutorTable table;
  action::Pipeline pipeline{{io.get_executor(), Ulid::make(clock, rng), clock, log, ledger, table, {&stage}, {}}};
  std::optional<Gateway> gateway;
  std::uint16_t port = 0;
  std::thread thread;
};

struct Reply {
  int status = 0;
  std::string head;
  std::string body;  // Without its chunks.

  std::string header(std::string_view name) const {
    const std::string key = "\r\n" + to_lower(name) + ": ";
    const auto at = to_lower(head).find(key);
    if (at == head.npos) return "";
    const auto from = at + key.size();
    return head.substr(from, head.find("\r\n", from) - from);
  }
};

// One connection. Blocking, and never for longer than twenty seconds.
class TestClient {
 public:
  explicit TestClient(UniqueFd fd) : fd_(std::move(fd)) {
    const timeval patience{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  static TestClient connect(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET, address.sin_port = htons(port), address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return TestClient(std::move(fd));
  }

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // `head` is the request line and the fields without Host and Content-Length.
  void request(std::string head, std::string_view body) {
    head += "\r\nHost: 127.0.0.1";
    if (!body.empty()) head += "\r\nContent-Length: " + std::to_string(body.size());
    send(head + "\r\n\r\n" + std::string(body));
  }
  Reply receive() {
    Reply reply;
    if (!fill_until("\r\n\r\n")) return reply;
    const auto end = buffer_.find("\r\n\r\n");
    reply.head = buffer_.substr(0, end + 2);
    buffer_.erase(0, end + 4);
    reply.status = static_cast<int>(number(std::string_view(reply.head).substr(9, 3)));
    if (reply.header("transfer-encoding") == "chunked") {
      read_chunks(reply.body);
    } else {
      take(static_cast<std::size_t>(number(reply.header("content-length"))), reply.body);
    }
    return reply;
  }
  // What has come so far, for streams that go on.
  bool wait_for(std::string_view text) { return fill_until(text); }
  void close() { fd_.reset(); }

 private:
  bool fill() {
    char bytes[16384];
    const auto got = ::recv(fd_.get(), bytes, sizeof bytes, 0);
    if (got <= 0) return false;
    buffer_.append(bytes, static_cast<std::size_t>(got));
    return true;
  }
  bool fill_until(std::string_view text) {
    while (buffer_.find(text) == buffer_.npos) {
      if (!fill()) return false;
    }
    return true;
  }
  bool take(std::size_t size, std::string& into) {
    while (buffer_.size() < size) {
      if (!fill()) return false;
    }
    into += buffer_.substr(0, size);
    buffer_.erase(0, size);
    return true;
  }
  void read_chunks(std::string& body) {
    for (;;) {
      if (!fill_until("\r\n")) return void(body += "<cut>");
      const auto line = buffer_.find("\r\n");
      const auto size = std::strtoul(buffer_.substr(0, line).c_str(), nullptr, 16);
      buffer_.erase(0, line + 2);
      std::string chunk;
      if (!take(size + 2, chunk)) return void(body += "<cut>");
      if (size == 0) return;
      body += chunk.substr(0, size);
    }
  }

  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace remit::gateway::testing
