#include "serve/daemon.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <filesystem>

#include "api/key_file.h"
#include "base/blocking.h"
#include "base/log.h"
#include "base/strings.h"
#include "sandbox/leftovers.h"
#include "serve/daemon_status.h"

namespace remit::serve {

namespace {

// One data folder, one instance: two daemons on two folders must not take each other's sandboxes for leftovers.
std::string instance_of(const std::string& folder) {
  std::error_code error;
  const auto whole = std::filesystem::canonical(folder, error);
  return "daemon-" + sha256_hex(error ? folder : whole.string()).substr(0, 12);
}

std::string place_of(const resource::Key& key) { return key.ns + "/" + key.name; }

}  // namespace

Daemon::Daemon(asio::io_context& io, DaemonOptions options, store::LockFile lock, std::unique_ptr<Runtime> runtime)
    : io_(io),
      options_(std::move(options)),
      lock_(std::move(lock)),
      runtime_(std::move(runtime)),
      wake_worker_(io, asio::steady_timer::time_point::max()),
      wake_watcher_(io, asio::steady_timer::time_point::max()),
      stopped_(io, asio::steady_timer::time_point::max()),
      changed_(io, asio::steady_timer::time_point::max()) {}

Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::open(asio::io_context& io, DaemonOptions options) {
  if (options.data_folder.empty()) {
    REMIT_TRY(options.data_folder, store::DataFolder::default_path());
  }
  REMIT_TRY(const auto folder, store::DataFolder::open(options.data_folder));
  REMIT_TRY(auto lock, folder.lock_daemon());
  const std::string instance = instance_of(folder.path());
  if (auto swept = sandbox::sweep_leftovers(instance); !swept) {
    log::warn("what an earlier daemon left could not be removed: {}", swept.error().to_string());
  } else if (swept->processes_killed > 0) {
    log::info("removed {} sandboxed processes of an earlier daemon", swept->processes_killed);
  }
  REMIT_TRY(auto runtime, Runtime::open(io, {options.data_folder, options.environment, instance}));
  return std::unique_ptr<Daemon>(new Daemon(io, std::move(options), std::move(lock), std::move(runtime)));
}

Result<> Daemon::listen() {
  api_ = std::make_unique<api::ApiServer>(api::ApiParts{io_.get_executor(), runtime_->store(), runtime_->clock(),
                                                        runtime_->folder(), runtime_->files(), runtime_->file_pool()});
  REMIT_CHECK_OK(api_->listen_unix(folder().socket_path()));
  if (options_.listen.empty()) return {};
  const auto colon = options_.listen.rfind(':');
  const std::string_view digits =
      colon == std::string::npos ? std::string_view() : std::string_view(options_.listen).substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return fail(invalid_argument(
        fmt::format("--listen takes ADDRESS:PORT, such as 127.0.0.1:8400, not '{}'", printable(options_.listen, 80))));
  }
  std::string address = options_.listen.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) address = address.substr(1, address.size() - 2);
  REMIT_TRY(auto key, api::open_key(key_path(), runtime_->rng()));
  REMIT_TRY(port_, api_->listen_loopback(std::move(address), port, std::move(key)));
  return {};
}

void Daemon::stop() {
  stopping_ = true;
  stopped_.cancel();
}

Task<> Daemon::serve() {
  asio::co_spawn(io_, watch_missions(), asio::detached);
  asio::co_spawn(io_, work(), asio::detached);
  while (!stopping_) co_await stopped_.async_wait(asio::as_tuple(asio::use_awaitable));
  if (api_) co_await api_->shutdown(options_.stop_grace);
  if (watch_) watch_->close();
  wake_worker_.cancel(), wake_watcher_.cancel();
  const auto deadline = runtime_->clock().steady_now() + options_.stop_grace;
  while ((!active_.empty() || background_ > 0) && runtime_->clock().steady_now() < deadline) {
    changed_.expires_at(deadline);
    co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
}

Task<> Daemon::watch_missions() {
  ++background_;
  while (!stopping_) {
    auto opened = co_await runtime_->store().watch({.kind = std::string(resource::Mission::kKind)});
    if (opened) {
      watch_ = std::move(*opened);
      while (!stopping_) {
        auto event = co_await watch_->next();
        if (!event) break;  // Fallen behind, or closed: begin again from what there is.
        if (event->type == resource::WatchEventType::kAdded || event->type == resource::WatchEventType::kModified)
          look_at(resource::key_of(event->object));
      }
      watch_.reset();
      continue;
    }
    log::warn("the missions cannot be watched: {}; trying again", opened.error().to_string());
    wake_watcher_.expires_after(kRetryInterval);
    co_await wake_watcher_.async_wait(asio::as_tuple(asio::use_awaitable));
  }
  --background_;
  changed_.cancel();
}

void Daemon::look_at(resource::Key key) {
  for (const auto& each : to_do_) {
    if (each.ns == key.ns && each.name == key.name) return;
  }
  if (to_do_.size() >= kDaemonQueue) {
    overflown_ = true;
    return;
  }
  to_do_.push_back(std::move(key));
  wake_worker_.cancel();
}

Task<> Daemon::work() {
  ++background_;
  while (!stopping_) {
    if (!to_do_.empty()) {
      auto key = std::move(to_do_.front());
      to_do_.pop_front();
      co_await reconcile(std::move(key));
    } else if (std::exchange(overflown_, false)) {
      if (watch_) watch_->close();  // The watcher opens it anew, which tells everything there is.
    } else {
      co_await wake_worker_.async_wait(asio::as_tuple(asio::use_awaitable));
    }
  }
  --background_;
  changed_.cancel();
}

Task<> Daemon::reconcile(resource::Key key) {
  auto object = co_await runtime_->store().get(key);
  waiting_.erase(place_of(key));
  if (!object || object->is_deleting() || !object->annotation(kDriverAnnotation).empty() ||
      active_.contains(std::string(object->uid())))
    co_return;
  auto mission = resource::from_object<resource::Mission>(*object);
  if (!mission) {
    log::warn("mission {} cannot be read: {}", place_of(key), mission.error().to_string());
    co_return;
  }
  const auto& status = mission->status;
  const bool finished = resource::is_finished(status.phase);
  const auto named = Ulid::parse(object->annotation(kRunAnnotation));
  if (named && !(finished && status.run_id == named->to_string()))
    co_return co_await honour(std::move(*object), std::move(*mission), *named);
  const bool due = status.phase == resource::Phase::kPending ||
                   (finished && mission->metadata.generation > status.observed_generation);
  if (!due) co_return;
  if (mission->spec.desired_state == resource::DesiredState::kRunning) co_return co_await name_run(std::move(*object));
  if (mission->spec.desired_state == resource::DesiredState::kStopped && !finished)
    co_await publish_stopped(std::move(*mission));
}

// The intent becomes durable before anything of the run exists. The change comes back through the watch.
Task<> Daemon::name_run(resource::Object object) {
  const std::string id = Ulid::make(runtime_->clock(), runtime_->rng()).to_string();
  const json::object metadata{{"resourceVersion", jsv(object.resource_version())},
                              {"annotations", {{kRunAnnotation, id}}}};
  auto named = co_await runtime_->store().patch(resource::key_of(object), json::object{{"metadata", metadata}},
                                                resource::PatchTarget::kObject);
  if (!named && named.error().code() != Code::kConflict && named.error().code() != Code::kNotFound) {
    log::warn("mission {} cannot be begun: {}", object.name(), named.error().to_string());
  }
}

Task<> Daemon::honour(resource::Object object, resource::Mission mission, Ulid run) {
  const auto state = co_await run_state(run);
  if (state == RunState::kDrivenElsewhere) co_return;
  if (state == RunState::kEnded) co_return co_await publish_end(std::move(mission), run);
  const bool begins = state != RunState::kUnfinished;
  if (begins && mission.status.run_id == run.to_string()) {
    co_return co_await publish_failure(std::move(mission), "RunLost",
                                       fmt::format("the log of run {} is gone", run.to_string()), true);
  }
  if (begins && mission.spec.desired_state == resource::DesiredState::kStopped)
    co_return co_await publish_stopped(std::move(mission));
  if (begins && mission.spec.desired_state == resource::DesiredState::kPaused) co_return;
  if (active_.size() >= options_.runs) co_return co_await enqueue(std::move(mission));
  if (begins && resource::find_condition(mission.status.conditions, "Queued")) {
    set_condition(mission, "Queued", false, "Begun", "", runtime_->clock());
    auto published = co_await publish(std::move(mission));
    if (!published) co_return;  // Changed or deleted meanwhile: the watch brings it again.
    object = std::move(*published);
  }
  std::string uid(object.uid());
  active_.emplace(uid, nullptr);
  asio::co_spawn(io_, drive(std::move(object), std::move(uid), run, !begins), asio::detached);
}

Task<Daemon::RunState> Daemon::run_state(Ulid run) {
  co_return co_await run_blocking(runtime_->file_pool(), [this, run]() -> RunState {
    std::error_code error;
    if (!std::filesystem::exists(folder().run_path(run), error)) return RunState::kAbsent;
    const auto driver = folder().run_pid(run);
    if (!driver || *driver) return RunState::kDrivenElsewhere;
    const auto past = action::read_run_log(runtime_->files(), folder().run_log_path(run));
    if (!past)
      return past.error().code() == Code::kNotFound ? RunState::kUnbegun
                                                    : RunState::kUnfinished;  // Resuming tells what is wrong with it.
    if (past->empty() || !std::holds_alternative<RunBegan>(past->front().body)) return RunState::kUnbegun;
    return std::holds_alternative<RunEnded>(past->back().body) ? RunState::kEnded : RunState::kUnfinished;
  });
}

Task<Result<std::unique_ptr<Run>>> Daemon::take_up(resource::Object object, Ulid run, bool resume) {
  if (resume) co_return co_await Run::resume(*runtime_, run, {}, nullptr);
  // A folder without a beginning is of a daemon that died while it began.
  std::error_code ignored;
  std::filesystem::remove_all(folder().run_path(run), ignored);
  RunOptions options;
  options.id = run;
  co_return co_await Run::begin(*runtime_, std::move(object), std::move(options), nullptr);
}

Task<> Daemon::drive(resource::Object object, std::string uid, Ulid id, bool resume) {
  const auto key = resource::key_of(object);
  auto run = co_await take_up(object, id, resume);
  if (run) {
    active_[uid] = run->get();
    log::info("run {} of mission {} {}", id.to_string(), place_of(key), resume ? "goes on" : "begins");
    co_await (*run)->execute();
    run->reset();
  } else if (!stopping_) {
    log::warn("mission {}: run {} cannot {}: {}", place_of(key), id.to_string(), resume ? "go on" : "begin",
              run.error().to_string());
    if (auto mission = resource::from_object<resource::Mission>(object)) {
      if (resume) mission->status.run_id = id.to_string();  // It exists; `remit resume` may try again.
      co_await publish_failure(std::move(*mission), resume ? "CannotResume" : "CannotBegin", run.error().to_string(),
                               !resume);
    }
  }
  active_.erase(uid);
  changed_.cancel();
  look_at(key);  // It may have been changed after it ended.
  for (const auto& each : waiting_) {
    const auto slash = each.find('/');
    look_at({std::string(resource::Mission::kKind), each.substr(0, slash), each.substr(slash + 1)});
  }
}

Task<> Daemon::enqueue(resource::Mission mission) {
  const auto key = resource::Key{std::string(resource::Mission::kKind), mission.metadata.ns, mission.metadata.name};
  if (waiting_.size() < kDaemonQueue) {
    waiting_.insert(place_of(key));
  } else {
    overflown_ = true;
  }
  const auto* queued = resource::find_condition(mission.status.conditions, "Queued");
  if (queued && queued->status == resource::ConditionStatus::kTrue) co_return;
  set_condition(mission, "Queued", true, "TooManyRuns",
                fmt::format("{} runs are under way; this daemon drives at most {} at once (kDaemonRuns)",
                            active_.size(), options_.runs),
                runtime_->clock());
  (void)co_await publish(std::move(mission));
}

Task<Result<resource::Object>> Daemon::publish(resource::Mission mission) {
  const resource::Key key{std::string(resource::Mission::kKind), mission.metadata.ns, mission.metadata.name};
  json::object patch{{"status", *resource::to_object(mission).find_status()}};
  auto published = co_await runtime_->store().patch(key, std::move(patch), resource::PatchTarget::kStatus);
  if (!published && published.error().code() != Code::kNotFound) {
    log::warn("the status of mission {} could not be written: {}", place_of(key), published.error().to_string());
  }
  co_return published;
}

Task<> Daemon::publish_failure(resource::Mission mission, std::string reason, std::string message, bool forget_run) {
  mark_failed(mission, reason, message, runtime_->clock());
  auto published = co_await publish(std::move(mission));
  if (!published || !forget_run) co_return;
  // Only now: until it is told that the run failed to begin, it is still to be begun.
  const json::object metadata{{"resourceVersion", jsv(published->resource_version())},
                              {"annotations", {{kRunAnnotation, nullptr}}}};
  (void)co_await runtime_->store().patch(resource::key_of(*published), json::object{{"metadata", metadata}},
                                         resource::PatchTarget::kObject);
}

Task<> Daemon::publish_stopped(resource::Mission mission) {
  mark_stopped(mission, runtime_->clock());
  auto published = co_await publish(std::move(mission));
  if (!published || published->annotation(kRunAnnotation).empty()) co_return;
  const json::object metadata{{"resourceVersion", jsv(published->resource_version())},
                              {"annotations", {{kRunAnnotation, nullptr}}}};
  (void)co_await runtime_->store().patch(resource::key_of(*published), json::object{{"metadata", metadata}},
                                         resource::PatchTarget::kObject);
}

// The run's last record was written, but its process died before the object told of it.
Task<> Daemon::publish_end(resource::Mission mission, Ulid run) {
  const auto past = co_await run_blocking(runtime_->file_pool(), [this, run] {
    return action::read_run_log(runtime_->files(), folder().run_log_path(run));
  });
  if (!past) co_return;
  RunView view;
  for (const auto& record : *past) view.add(record);
  mark_ended(mission, run, view);
  (void)co_await publish(std::move(mission));
}

}  // namespace remit::serve
