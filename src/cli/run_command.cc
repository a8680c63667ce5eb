#include "cli/run_command.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>

#include "base/strings.h"
#include "cli/apply.h"
#include "cli/approval_prompt.h"
#include "cli/daemon_run.h"
#include "cli/exit_code.h"
#include "cli/live_view.h"
#include "cli/run_manifest.h"
#include "core/run_record.h"
#include "serve/run.h"

namespace remit::cli {

namespace {

Result<std::vector<json::object>> objects_of_command(const RunFlags& flags) {
  std::error_code error;
  const auto folder = std::filesystem::current_path(error);
  if (error) return fail(Code::kNotFound, "the folder that you stand in is gone: " + error.message());
  SystemRng rng;
  return command_mission(flags.command, flags.common.ns, folder.string(), rng.hex(3), environment_variable);
}

// One run driven by this process, and what it shows meanwhile.
class Driver {
 public:
  Driver(asio::io_context& io, const RunFlags& flags, std::optional<Ulid> resumed)
      : io_(io), flags_(flags), resumed_(resumed), signals_(io, SIGINT, SIGTERM) {}

  Task<> drive() {
    auto begun = resumed_ ? co_await resume() : co_await begin();
    if (begun) {
      asio::co_spawn(io_, stop_on_signal(), asio::detached);
      co_await run_->execute();
      finish();
    } else {
      code_ = report(begun.error());
    }
    signals_.cancel();
    if (prompt_) prompt_->close();
    run_.reset();
    runtime_.reset();
  }
  int code() const { return code_; }

 private:
  Result<> open_runtime() {
    REMIT_TRY(runtime_, serve::Runtime::open(
                            io_, {flags_.common.data, environment_variable, serve::run_instance_of(::getpid())}));
    return {};
  }

  bool is_command() const { return !flags_.command.command.empty(); }

  Result<std::vector<resource::LoadedObject>> load() {
    if (!is_command()) return load_objects(flags_.file, flags_.common.ns);
    REMIT_TRY(const auto objects, objects_of_command(flags_));
    return load_command_mission(objects);
  }

  // Says at once how to go on on a host without the default tier.
  Task<Result<>> check_tier(resource::LoadedObject loaded) {
    REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(loaded.object));
    const auto launcher = co_await runtime_->launcher(serve::tier_of(mission.spec.isolation.minimum_tier),
                                                      serve::sandbox_limits_of(mission.spec.isolation).mode);
    if (launcher || !flags_.command.tier.empty()) co_return Result<>{};
    co_return fail(launcher.error().wrap(
        "`remit run -- CMD` isolates with GVisor unless told otherwise; --tier Process accepts the weaker isolation of "
        "namespaces, seccomp and cgroups"));
  }

  Task<Result<>> begin() {
    REMIT_CO_TRY(auto objects, load());
    REMIT_CO_TRY(auto manifest, run_manifest_of(std::move(objects), flags_));
    auto& loaded = manifest.mission;
    loaded.object.set_annotation(serve::kDriverAnnotation, std::to_string(::getpid()));
    REMIT_CO_CHECK_OK(open_runtime());
    if (is_command()) REMIT_CO_CHECK_OK(co_await check_tier(loaded));
    REMIT_CO_CHECK_OK(co_await refuse_second_run(loaded.object));
    for (auto& each : manifest.others) REMIT_CO_CHECK_OK(co_await apply_object(runtime_->store(), std::move(each)));
    source_ = loaded.source;
    REMIT_CO_TRY(auto object, co_await apply_object(runtime_->store(), std::move(loaded)));
    REMIT_CO_TRY(mission_, resource::from_object<resource::Mission>(object));
    show_head(manifest.recording);
    serve::RunOptions options;
    // The objects of a command name the live provider themselves.
    options.live = flags_.command.live && !is_command();
    options.record_to = flags_.record;
    options.refresh_recording = flags_.refresh_recording;
    if (flags_.reject_asks) options.on_ask = policy::OnAsk::kReject;
    REMIT_CO_TRY(run_, co_await serve::Run::begin(*runtime_, std::move(object), std::move(options), observer()));
    co_return Result<>{};
  }

  Task<Result<>> refuse_second_run(resource::Object mission) {
    auto existing = co_await runtime_->store().get(resource::key_of(mission));
    const auto* status = existing ? existing->find_status() : nullptr;
    const auto run = status ? Ulid::parse(get_string(*status, "runId")) : fail(not_found("no run"));
    if (!run) co_return Result<>{};
    REMIT_CO_TRY(const auto pid, runtime_->folder().run_pid(*run));
    if (!pid) co_return Result<>{};
    co_return fail(Code::kFailedPrecondition,
                   fmt::format("mission {} is under way already (process {}); `remit stop {}` ends it", mission.name(),
                               *pid, mission.name()));
  }

  Task<Result<>> resume() {
    REMIT_CO_CHECK_OK(open_runtime());
    REMIT_CO_TRY(run_, co_await serve::Run::resume(*runtime_, *resumed_, {}, observer()));
    mission_ = run_->mission();
    show_head("");
    co_return Result<>{};
  }

  void show_head(const std::string& recording) {
    live_.emplace(LiveViewOptions{stdout, is_terminal(stdout), recording}, mission_, source_);
    demo_ = !recording.empty();
    if (flags_.common.output == OutputFormat::kText) live_->head();
  }

  serve::Run::Observer observer() {
    return [this](const RunRecord& record) {
      view_.add(record);
      if (flags_.common.output == OutputFormat::kText && live_) live_->on_record(record, view_);
      ask_person(record);
      if (flags_.common.output == OutputFormat::kJsonLines) fmt::print("{}\n", to_json(to_json_object(record)));
    };
  }

  void finish() {
    if (run_->failure()) {
      report(*run_->failure());
      code_ = kInternal;
      return;
    }
    const auto left = runtime_->live_sandboxes();
    const std::string id = run_->id().to_string();
    code_ = exit_code_of(view_);
    if (flags_.common.output == OutputFormat::kText) {
      live_->summary(view_, id, left);
      if (demo_)
        fmt::print("try     remit run --live {}  (with a model's key in the environment)\n", printable(flags_.file));
    } else if (flags_.common.output != OutputFormat::kJsonLines) {
      print_object(view_.summary(id, static_cast<std::int64_t>(left)), flags_.common.output);
    }
  }

  void ask_person(const RunRecord& record) {
    const auto* judged = std::get_if<Judged>(&record.body);
    if (!judged || judged->verdict.decision != Decision::kAsk || judged->verdict.approval.empty()) return;
    if (!can_prompt() || flags_.common.output != OutputFormat::kText) return;
    if (!prompt_)
      prompt_ = ApprovalPrompt::open(io_.get_executor(), runtime_->store(), runtime_->clock(), mission_.metadata.ns);
    if (prompt_) prompt_->ask(record.call, view_.call(record.call)->action, judged->verdict);
  }

  Task<> stop_on_signal() {
    auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error || !run_) co_return;
    std::fprintf(stderr, "remit: stopping the run; once more to leave at once\n");
    run_->stop("Interrupted");
    auto [again, second] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    // The run's log is durable and the spawner removes the sandboxes when we are gone; `remit resume` goes on from
    // there.
    if (!again) std::_Exit(kStopped);
  }

  asio::io_context& io_;
  const RunFlags& flags_;
  const std::optional<Ulid> resumed_;
  asio::signal_set signals_;
  std::unique_ptr<serve::Runtime> runtime_;
  std::unique_ptr<serve::Run> run_;
  resource::Mission mission_;
  resource::SourceMap source_;
  std::optional<LiveView> live_;
  serve::RunView view_;
  std::shared_ptr<ApprovalPrompt> prompt_;
  bool demo_ = false;
  int code_ = kInternal;
};

int drive(const RunFlags& flags, std::optional<Ulid> resumed) {
  asio::io_context io(1);
  Driver driver(io, flags, resumed);
  asio::co_spawn(io, driver.drive(), asio::detached);
  io.run();
  return driver.code();
}

}  // namespace

static Result<> check_flags(const RunFlags& flags) {
  const bool is_command = !flags.command.command.empty();
  if (is_command == !flags.file.empty())
    return fail(invalid_argument("`remit run` takes a manifest, or a command after `--`"));
  if (!is_command && flags.command.shapes_mission()) {
    return fail(invalid_argument("flags that shape the mission go with `-- CMD`; for a manifest, say it there"));
  }
  if (!is_command && flags.dry_run)
    return fail(invalid_argument("--dry-run goes with `-- CMD`; for a manifest there is `remit validate`"));
  return {};
}

static Result<> print_dry_run(const RunFlags& flags) {
  REMIT_TRY(const auto objects, objects_of_command(flags));
  REMIT_CHECK_OK(load_command_mission(objects));
  if (flags.common.output == OutputFormat::kText || flags.common.output == OutputFormat::kYaml) {
    fmt::print("{}", to_manifest(objects));
    return {};
  }
  json::array items(objects.begin(), objects.end());
  print_object(json::object{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}}, flags.common.output);
  return {};
}

int run_command(const RunFlags& flags) {
  if (auto sound = check_flags(flags); !sound) return report(sound.error());
  if (!flags.dry_run) return daemon_takes(flags) ? run_through_daemon(flags) : drive(flags, std::nullopt);
  const auto printed = print_dry_run(flags);
  return printed ? kOk : report(printed.error());
}

int resume_run(const CommonFlags& common, Ulid run) {
  RunFlags flags;
  flags.common = common;
  return drive(flags, run);
}

}  // namespace remit::cli
