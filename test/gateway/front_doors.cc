// The gateway in front of real parts, for tests with real clients: permissions with an Ask, a ledger, a run log on
// disk, the files tool on a real workspace. Only the model is made up: it repeats what it is told.
//
//   front_doors FOLDER TOKENS     FOLDER/workspace is worked on; the budget is TOKENS tokens
//
// Says {"port", "key"} on its first line. Reads lines "approve NAME"; ends at the end of its input, or after two
// minutes, and then says what the run log holds.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <iostream>

#include "action/store_run_log.h"
#include "base/file.h"
#include "base/strings.h"
#include "core/event_channel.h"
#include "gateway/gateway.h"
#include "gateway/guard.h"
#include "ledger/leaf.h"
#include "models/model_executor.h"
#include "policy/approvals.h"
#include "policy/permissions.h"
#include "sandbox/files_executor.h"

namespace {

using namespace remit;
using namespace std::chrono_literals;

constexpr Duration kLifetime = 120s;

// Repeats the last message word by word. "slow" goes on until it is stopped, "break" fails midway, and with tools on
// offer it calls the first one before it says anything.
class Parrot final : public models::Provider {
 public:
  Parrot(asio::any_io_executor executor, Clock& clock) : executor_(std::move(executor)), clock_(clock) {}
  const std::string& name() const override { return name_; }
  std::optional<Usage> reconcile(const ModelRequest&) const override { return Usage{}; }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext) override {
    return make_call(executor_, [request, clock = &clock_](std::shared_ptr<EventSink> sink) {
      return speak(request, clock, std::move(sink));
    });
  }

 private:
  static Task<Outcome> speak(std::shared_ptr<const ModelRequest> request, Clock* clock,
                             std::shared_ptr<EventSink> sink) {
    const Message& last = request->messages.back();
    Outcome outcome;
    ModelResponse response;
    response.message.role = Role::kAssistant;
    response.model = request->model;
    response.usage_known = true;
    if (!request->tools.empty() && last.role != Role::kTool) {
      const ToolUse use{"call_1", request->tools[0].name, R"({"path":"notes.md"})"};
      response.message.tool_uses.push_back(use);
      response.stop = StopReason::kToolUse;
      co_await sink->send(ProposedAction{use});
    } else {
      for (const auto word : split("You said: " + last.text, ' ')) {
        const std::string piece = (response.message.text.empty() ? "" : " ") + std::string(word);
        response.message.text += piece;
        co_await sink->send(Chunk{Chunk::Stream::kText, piece});
      }
    }
    while (last.text == "slow" && !sink->cancelled()) {
      co_await sink->send(Chunk{Chunk::Stream::kText, "."});
      co_await clock->sleep_for(10ms);
    }
    if (sink->cancelled()) co_return failed_outcome(Error(Code::kCancelled, "the call was cancelled"));
    if (last.text == "break") co_return failed_outcome(Error(Code::kDataLoss, "the provider's stream broke off"));
    outcome.ok = true;
    outcome.usage = response.usage = {.input = 10, .output = 5};
    outcome.response = std::move(response);
    co_return outcome;
  }

  const std::string name_ = "parrot";
  asio::any_io_executor executor_;
  Clock& clock_;
};

policy::PermissionsSpec permissions_spec() {
  policy::PermissionsSpec spec;
  spec.rules = {{"read", policy::RuleEffect::kAllow, {"files.read", "files.list"}, "", "mission.yaml:3"},
                {"long", policy::RuleEffect::kAsk, {"files.write"}, "size(args.content) > 20", "mission.yaml:4"},
                {"write", policy::RuleEffect::kAllow, {"files.write"}, "", "mission.yaml:5"}};
  spec.models = {{"parrot", "some-model", "mission.yaml:6"}};
  spec.workspace.write = {"*.md"};
  spec.workspace.hide = {".env"};
  return spec;
}

struct Run {
  explicit Run(asio::io_context& context) : io(context) {}

  Result<> open(const std::string& folder, std::int64_t tokens) {
    SystemRng random;
    id = Ulid::make(clock, random);
    REMIT_CHECK_OK(make_directories(folder + "/run"));
    log_path = folder + "/log";
    REMIT_TRY(auto opened, store::Log::open(files, log_path, rng));
    log = std::make_unique<action::StoreRunLog>(clock, std::move(opened));
    REMIT_TRY(workspace, sandbox::Workspace::open({.folder = folder + "/workspace", .run_folder = folder + "/run"}));
    REMIT_TRY(permissions, policy::Permissions::compile(permissions_spec()));
    stage = std::make_unique<policy::PermissionStage>(permissions, [this] { return leaf->view(); });
    ledger::LeafConfig config{.run = id, .account = "test/doors"};
    config.limits.amounts.tokens = tokens;
    REMIT_CHECK_OK(config.prices.add_override("parrot", "*", {1'000'000, 100'000, 1'000'000, 10'000'000, 10'000'000}));
    leaf = std::make_unique<ledger::Leaf>(std::move(config), clock);
    REMIT_CHECK_OK(models.add(std::make_unique<Parrot>(io.get_executor(), clock)));
    for (auto& tool : mesh::built_in_tools()) REMIT_CHECK_OK(catalogue.add(std::move(tool)));
    file_tools = std::make_unique<sandbox::FilesExecutor>(io.get_executor(), pool, *workspace);
    table.add("model.call", models);
    table.add("files.", *file_tools);
    pipeline = std::make_unique<action::Pipeline>(
        action::PipelineParts{io.get_executor(), id, clock, *log, *leaf, table, {stage.get()}, {&approval_stage}});
    file_tools->set_governor(*pipeline);
    gateway::GatewayParts parts{.executor = io.get_executor(),
                                .pipeline = *pipeline,
                                .catalogue = catalogue,
                                .clock = clock,
                                .rng = rng,
                                .key = key = gateway::make_run_key(rng),
                                .provider = "parrot",
                                .models = {"some-model"},
                                .may_allow = [this](std::string_view tool) { return permissions->may_allow(tool); },
                                .instructions = "Keep notes in notes.md."};
    parts.context.run = id;
    doors = std::make_unique<gateway::Gateway>(std::move(parts));
    REMIT_TRY(port, doors->listen());
    return {};
  }

  asio::io_context& io;
  SystemClock clock;
  SystemRng rng;
  store::PosixFileSystem files;
  asio::thread_pool pool{1};
  Ulid id;
  std::string key, log_path;
  std::uint16_t port = 0;
  std::unique_ptr<action::StoreRunLog> log;
  std::optional<sandbox::Workspace> workspace;
  std::shared_ptr<const policy::Permissions> permissions;
  std::unique_ptr<policy::PermissionStage> stage;
  policy::MemoryApprovalBook approvals;
  policy::ApprovalStage approval_stage{approvals, policy::OnAsk::kWait};
  std::unique_ptr<ledger::Leaf> leaf;
  models::ModelExecutor models{io.get_executor()};
  mesh::Catalogue catalogue{[](std::string_view path) { return sandbox::Workspace::normalise(path); }};
  std::unique_ptr<sandbox::FilesExecutor> file_tools;
  action::ExecutorTable table;
  std::unique_ptr<action::Pipeline> pipeline;
  std::unique_ptr<gateway::Gateway> doors;
};

void obey(Run& run, std::string_view line) {
  if (!line.starts_with("approve ")) return;
  const auto approved = run.approvals.approve(std::string(line.substr(8)), policy::GrantScope::kOnce, "the test");
  fmt::print("{}\n", approved ? "approved" : approved.error().to_string());
  std::fflush(stdout);
}

Task<> serve(Run* run, std::shared_ptr<asio::posix::stream_descriptor> input) {
  asio::streambuf buffer(4096);
  for (;;) {
    auto [error, size] = co_await asio::async_read_until(*input, buffer, '\n', asio::as_tuple(asio::use_awaitable));
    if (error) break;
    std::istream lines(&buffer);
    std::string line;
    std::getline(lines, line);
    obey(*run, line);
  }
  co_await run->doors->shutdown(1s);
}

Task<> watch_lifetime(Run* run, std::shared_ptr<asio::posix::stream_descriptor> input) {
  co_await run->clock.sleep_for(kLifetime);
  boost::system::error_code ignored;
  input->close(ignored);
}

int report(Run& run) {
  if (auto flushed = run.log->log().flush(); !flushed)
    return fmt::print(stderr, "{}\n", flushed.error().to_string()), 1;
  const auto records = action::read_run_log(run.files, run.log_path);
  if (!records) return fmt::print(stderr, "{}\n", records.error().to_string()), 1;
  json::array types, traces;
  for (const auto& record : *records) {
    types.emplace_back(jsv(type_name(record.body)));
    if (const auto* proposed = std::get_if<Proposed>(&record.body)) traces.emplace_back(proposed->action.trace_parent);
  }
  const json::object said{{"records", std::move(types)},
                          {"traceParents", std::move(traces)},
                          {"openCalls", run.pipeline->open_calls()},
                          {"reservedTokens", run.leaf->view().reserved.tokens}};
  fmt::print("{}\n", to_json(said));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: front_doors FOLDER TOKENS\n"), 2;
  asio::io_context io;
  Run run(io);
  if (const auto opened = run.open(argv[1], std::atoll(argv[2])); !opened) {
    fmt::print(stderr, "{}\n", opened.error().to_string());
    return 1;
  }
  fmt::print("{}\n", to_json(json::object{{"port", run.port}, {"key", run.key}}));
  std::fflush(stdout);
  auto input = std::make_shared<asio::posix::stream_descriptor>(io, ::dup(0));
  asio::co_spawn(io, watch_lifetime(&run, input), asio::detached);
  bool ended = false;
  asio::co_spawn(io, serve(&run, input), [&ended](std::exception_ptr) { ended = true; });
  while (!ended && io.run_one() > 0) {
  }
  return report(run);
}
