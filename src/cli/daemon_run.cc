#include "cli/daemon_run.h"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/strings.h"
#include "cli/apply.h"
#include "cli/exit_code.h"
#include "cli/live_view.h"
#include "cli/run_manifest.h"
#include "serve/run.h"
#include "store/log_reader.h"

namespace remit::cli {

namespace {

constexpr Duration kDaemonRestart =
    std::chrono::seconds(5);  // A daemon that is started anew within this goes on with the run.

// The run that the daemon drives for us, and what is shown of it.
class Follower {
 public:
  Follower(Session& session, const RunFlags& flags)
      : session_(session), flags_(flags), signals_(session.io(), SIGINT, SIGTERM) {}

  Task<Result<int>> follow() {
    auto code = co_await hand_over();
    if (code) {
      asio::co_spawn(session_.io(), stop_on_signal(), asio::detached);
      code = co_await show();
    }
    signals_.cancel();
    while (asking_to_stop_) co_await session_.clock().sleep_for(std::chrono::milliseconds(10));
    co_return code;
  }

 private:
  // Applies the objects and waits until the daemon has begun the run.
  Task<Result<int>> hand_over() {
    REMIT_CO_TRY(auto manifest, load_run_manifest(flags_));
    REMIT_CO_CHECK_OK(co_await refuse_second_run(resource::key_of(manifest.mission.object)));
    for (auto& each : manifest.others) REMIT_CO_CHECK_OK(co_await apply_object(session_.store(), std::move(each)));
    SystemRng rng;
    run_ = Ulid::make(session_.clock(), rng);
    source_ = manifest.mission.source;
    recording_ = manifest.recording;
    manifest.mission.object.set_annotation(serve::kRunAnnotation, run_.to_string());
    REMIT_CO_TRY(const auto object, co_await apply_object(session_.store(), std::move(manifest.mission)));
    key_ = resource::key_of(object);
    REMIT_CO_TRY(mission_, resource::from_object<resource::Mission>(object));
    resource::WatchOptions options;
    options.kind = key_.kind, options.ns = key_.ns, options.name = key_.name;
    options.resource_version = object.resource_version();
    REMIT_CO_TRY(auto watch, co_await session_.store().watch(options));
    for (;;) {
      REMIT_CO_TRY(const auto event, co_await watch->next());
      if (event.type == resource::WatchEventType::kBookmark) continue;
      if (event.type == resource::WatchEventType::kDeleted)
        co_return fail(not_found(fmt::format("mission {} was deleted before its run began", key_.name)));
      REMIT_CO_TRY(const bool begun, has_begun(event.object));
      if (begun) co_return kOk;
    }
  }

  Result<bool> has_begun(const resource::Object& object) {
    REMIT_TRY(const auto mission, resource::from_object<resource::Mission>(object));
    const auto& conditions = mission.status.conditions;
    if (mission.status.run_id == run_.to_string()) return true;
    if (object.annotation(serve::kRunAnnotation) != run_.to_string()) {
      const auto* complete = resource::find_condition(conditions, "Complete");
      return fail(Code::kFailedPrecondition, complete && !complete->message.empty()
                                                 ? complete->message
                                                 : "the mission was changed before its run began");
    }
    const auto* queued = resource::find_condition(conditions, "Queued");
    if (queued && queued->status == resource::ConditionStatus::kTrue && !std::exchange(told_queued_, true)) {
      std::fprintf(stderr, "remit: waiting for a place: %s\n", queued->message.c_str());
    }
    return false;
  }

  Task<Result<>> refuse_second_run(resource::Key key) {
    auto existing = co_await session_.store().get(key);
    if (!existing && existing.error().code() == Code::kNotFound) co_return Result<>{};
    REMIT_CO_TRY(const auto object, std::move(existing));
    REMIT_CO_TRY(const auto mission, resource::from_object<resource::Mission>(object));
    const auto run = Ulid::parse(mission.status.run_id);
    if (!resource::is_active(mission.status.phase) || !run) co_return Result<>{};
    REMIT_CO_TRY(const auto pid, session_.folder().run_pid(*run));
    if (!pid) co_return Result<>{};
    co_return fail(
        Code::kFailedPrecondition,
        fmt::format("mission {} is under way already (process {}); `remit stop {}` ends it", key.name, *pid, key.name));
  }

  Task<Result<int>> show() {
    const bool text = flags_.common.output == OutputFormat::kText;
    LiveView live({stdout, is_terminal(stdout), recording_}, mission_, source_);
    if (text) live.head();
    store::PosixFileSystem files;
    REMIT_CO_TRY(auto reader, store::LogReader::open(files, session_.folder().run_log_path(run_)));
    while (!view_.ended()) {
      REMIT_CO_TRY(const auto next, reader.next());
      if (!next) {
        REMIT_CO_CHECK_OK(check_driver());
        co_await session_.clock().sleep_for(store::kLogFollowInterval);
        continue;
      }
      alone_since_.reset();
      REMIT_CO_TRY(const auto object, parse_json_object(next->payload));
      REMIT_CO_TRY(const auto record, run_record_from_json(object));
      view_.add(record);
      if (text) live.on_record(record, view_);
      if (flags_.common.output == OutputFormat::kJsonLines) {
        fmt::print("{}\n", to_json(object));
        std::fflush(stdout);
      }
    }
    summarise(live);
    co_return exit_code_of(view_);
  }

  // Somebody must be at work on the run: its driver, or a daemon that is about to take it up.
  Result<> check_driver() {
    REMIT_TRY(const auto driver, session_.folder().run_pid(run_));
    if (driver) alone_since_.reset();
    if (driver) return {};
    const auto now = session_.clock().steady_now();
    if (!alone_since_) alone_since_ = now;
    if (now - *alone_since_ < kDaemonRestart) return {};
    return fail(
        Code::kUnavailable,
        fmt::format("the daemon has gone; run {} goes on when `remit serve` is started again", run_.to_string()));
  }

  void summarise(LiveView& live) {
    const std::string id = run_.to_string();
    if (flags_.common.output == OutputFormat::kText) {
      live.summary(view_, id, std::nullopt);
    } else if (flags_.common.output != OutputFormat::kJsonLines) {
      auto summary = view_.summary(id, 0);
      // The sandboxes are the daemon's; how many it still has is not ours to say.
      if (auto* sandboxes = summary.if_contains("sandboxes"); sandboxes && sandboxes->is_object())
        sandboxes->get_object()["left"] = nullptr;
      print_object(summary, flags_.common.output);
    }
  }

  Task<> stop_on_signal() {
    auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    std::fprintf(stderr, "remit: stopping the run; once more to leave at once\n");
    asking_to_stop_ = true;
    auto patched = co_await session_.store().patch(key_, json::object{{"spec", {{"desiredState", "Stopped"}}}},
                                                   resource::PatchTarget::kObject);
    if (!patched) std::fprintf(stderr, "remit: %s\n", patched.error().to_string().c_str());
    asking_to_stop_ = false;
    if (view_.ended()) co_return;
    auto [again, second] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!again) std::_Exit(kStopped);
  }

  Session& session_;
  const RunFlags& flags_;
  asio::signal_set signals_;
  Ulid run_;
  resource::Key key_;
  resource::Mission mission_;
  resource::SourceMap source_;
  std::string recording_;
  serve::RunView view_;
  bool told_queued_ = false, asking_to_stop_ = false;
  std::optional<SteadyTime> alone_since_;
};

Task<Result<int>> follow_run(Session& session, RunFlags flags) {
  Follower follower(session, flags);
  co_return co_await follower.follow();
}

}  // namespace

bool daemon_takes(const RunFlags& flags) {
  if (flags.command.live || !flags.record.empty() || flags.refresh_recording || flags.reject_asks ||
      !flags.command.command.empty())
    return false;
  auto path = flags.common.data.empty() ? store::DataFolder::default_path() : Result<std::string>(flags.common.data);
  if (!path) return false;
  const auto folder = store::DataFolder::open(*path);
  return folder && daemon_answers(*folder);
}

int run_through_daemon(const RunFlags& flags) {
  return in_session(flags.common, [flags](Session& session) { return follow_run(session, flags); });
}

}  // namespace remit::cli
