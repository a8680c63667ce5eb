#include "cli/run_command.h"

#include <csignal>
#include <cstdlib>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <fmt/format.h>

#include "cli/apply.h"
#include "cli/exit_code.h"
#include "cli/live_view.h"
#include "core/run_record.h"
#include "serve/run.h"

namespace remit::cli {

namespace {

std::optional<std::string> environment(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

int exit_code_of(const serve::RunView& view) {
  if (!view.ended()) return kInternal;
  if (view.ended()->goal_met) return kOk;
  if (view.ended()->phase == "Stopped") return kStopped;
  return view.ended()->reason == "BudgetExhausted" ? kBudgetExhausted : kGoalNotMet;
}

Result<resource::LoadedObject> take_mission(std::vector<resource::LoadedObject>& objects, const std::string& file) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (objects[i].object.kind() != resource::Mission::kKind) continue;
    if (found) return fail(invalid_argument(fmt::format("{} holds several missions; `remit run` takes one", file)));
    found = i;
  }
  if (!found) return fail(invalid_argument(fmt::format("{} holds no Mission", file)));
  auto mission = std::move(objects[*found]);
  objects.erase(objects.begin() + static_cast<std::ptrdiff_t>(*found));
  return mission;
}

// Where the recorded answers come from, for the first line.
std::string recording_of(const std::vector<resource::LoadedObject>& objects, const RunFlags& flags) {
  if (flags.live) return "";
  for (const auto& each : objects) {
    const auto* spec = each.object.find_spec();
    const auto* recorded = spec ? find_object(*spec, "recorded") : nullptr;
    if (recorded) return serve::resolve_path(std::string(get_string(*recorded, "path")), flags.file.substr(0, flags.file.find_last_of('/') + 1));
  }
  return "";
}

class RunSession {
 public:
  RunSession(asio::io_context& io, const RunFlags& flags) : io_(io), flags_(flags), signals_(io, SIGINT, SIGTERM) {}

  Task<> run() {
    auto done = co_await drive();
    if (!done) code_ = report(done.error());
    signals_.cancel();
    run_.reset();
    runtime_.reset();
  }
  int code() const { return code_; }

 private:
  Task<Result<>> drive() {
    REMIT_CO_TRY(auto objects, load_objects(flags_.file, flags_.ns));
    REMIT_CO_TRY(auto loaded, take_mission(objects, flags_.file));
    const std::string recording = recording_of(objects, flags_);
    if (!flags_.budget.empty()) {
      REMIT_CO_TRY(const auto limit, parse_usd(flags_.budget));
      loaded.object.spec()["budget"].as_object()["costUSD"] = to_usd(limit);
    }
    loaded.object.set_annotation(serve::kDriverAnnotation, std::to_string(::getpid()));
    REMIT_CO_TRY(runtime_, serve::Runtime::open(io_, {flags_.data, environment, fmt::format("run-{}", ::getpid())}));
    for (auto& each : objects) REMIT_CO_CHECK_OK(co_await apply_object(runtime_->store(), std::move(each)));
    const auto source = loaded.source;
    REMIT_CO_TRY(auto object, co_await apply_object(runtime_->store(), std::move(loaded)));
    REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(object));

    LiveView live({stdout, is_terminal(stdout), recording}, mission, source);
    serve::RunView view;
    const auto observe = [&](const RunRecord& record) {
      view.add(record);
      if (flags_.output == OutputFormat::kText) live.on_record(record, view);
      if (flags_.output == OutputFormat::kJsonLines) fmt::print("{}\n", to_json(to_json_object(record)));
    };
    serve::RunOptions options;
    options.live = flags_.live;
    options.record_to = flags_.record;
    options.refresh_recording = flags_.refresh_recording;
    if (flags_.reject_asks) options.on_ask = policy::OnAsk::kReject;
    if (flags_.output == OutputFormat::kText) live.head();
    REMIT_CO_TRY(run_, co_await serve::Run::begin(*runtime_, std::move(object), std::move(options), observe));
    asio::co_spawn(io_, stop_on_signal(), asio::detached);
    co_await run_->execute();
    const auto left = runtime_->live_sandboxes();
    if (flags_.output == OutputFormat::kText) live.summary(view, run_->id().to_string(), left);
    if (flags_.output == OutputFormat::kText && !recording.empty()) {
      fmt::print("try     remit run --budget 2 --live -- claude -p \"fix the failing test\"\n");
    }
    if (flags_.output == OutputFormat::kJson) {
      fmt::print("{}", pretty_json(view.summary(run_->id().to_string(), static_cast<std::int64_t>(left))));
    }
    code_ = exit_code_of(view);
    co_return Result<>{};
  }

  Task<> stop_on_signal() {
    auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error || !run_) co_return;
    std::fprintf(stderr, "remit: stopping the run; once more to leave at once\n");
    run_->stop("Interrupted");
    auto [again, signal2] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    // The run's log is durable and the spawner removes the sandboxes when we are gone; `remit resume` goes on from there.
    if (!again) std::_Exit(kStopped);
  }

  asio::io_context& io_;
  const RunFlags& flags_;
  asio::signal_set signals_;
  std::unique_ptr<serve::Runtime> runtime_;
  std::unique_ptr<serve::Run> run_;
  int code_ = kInternal;
};

}  // namespace

int run_command(const RunFlags& flags) {
  asio::io_context io(1);
  RunSession session(io, flags);
  asio::co_spawn(io, session.run(), asio::detached);
  io.run();
  return session.code();
}

}  // namespace remit::cli
