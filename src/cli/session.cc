#include "cli/session.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "action/store_run_log.h"
#include "api/http_store.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "cli/exit_code.h"
#include "resource/embedded_store.h"
#include "resource/manifest.h"
#include "serve/run.h"

namespace remit::cli {

Session::Session(asio::io_context& io, CommonFlags flags, store::DataFolder folder)
    : io_(io), flags_(std::move(flags)), folder_(std::move(folder)) {}

std::optional<std::string> environment_variable(std::string_view name) {
  const char* value = std::getenv(std::string(name).c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

bool daemon_answers(const store::DataFolder& folder) {
  const auto pid = folder.daemon_pid();
  if (!pid || !*pid) return false;
  // Between its start and its listening, the socket is missing or its predecessor's.
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder.socket_path();
  if (path.size() >= sizeof(address.sun_path)) return false;
  std::memcpy(address.sun_path, path.data(), path.size());
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

Result<std::unique_ptr<Session>> Session::open(asio::io_context& io, const CommonFlags& flags) {
  std::string path = flags.data;
  if (path.empty()) {
    REMIT_TRY(path, store::DataFolder::default_path());
  }
  REMIT_TRY(auto folder, store::DataFolder::open(path));
  std::unique_ptr<Session> session(new Session(io, flags, std::move(folder)));
  if (daemon_answers(session->folder_)) {
    session->store_ = std::make_unique<api::HttpStore>(io.get_executor(),
                                                       api::ApiAddress{.unix_socket = session->folder_.socket_path()});
    session->has_daemon_ = true;
    return session;
  }
  // Without one we open the file ourselves; several processes may.
  resource::EmbeddedStoreOptions options;
  options.clock = &session->clock_;
  options.rng = &session->rng_;
  REMIT_TRY(session->store_, resource::EmbeddedStore::open(session->folder_.resources_path(), options));
  return session;
}

std::string workspace_folder_of(const resource::Object& mission) {
  const auto* spec = mission.find_spec();
  const auto* workspace = spec ? find_object(*spec, "workspace") : nullptr;
  const auto* directory = workspace ? find_object(*workspace, "directory") : nullptr;
  const std::string path(directory ? get_string(*directory, "path", ".") : ".");
  std::string folder = serve::resolve_path(path, serve::manifest_folder_of(mission));
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

static FoundRun describe(Ulid id, const RunBegan& began) {
  const resource::Object mission(began.mission);
  FoundRun found{id, began.mission_namespace, began.mission_name, workspace_folder_of(mission), {}};
  const auto* spec = mission.find_spec();
  const auto* workspace = spec ? find_object(*spec, "workspace") : nullptr;
  if (const auto* hide = workspace ? find_array(*workspace, "hide") : nullptr) {
    for (const auto& pattern : *hide) {
      if (pattern.is_string()) found.hide.emplace_back(pattern.get_string());
    }
  }
  return found;
}

Result<FoundRun> Session::find_run(const std::string& name) {
  const auto wanted = Ulid::parse(name);
  REMIT_TRY(auto runs, folder_.runs());
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (wanted && *run != *wanted) continue;
    auto past = records(*run);
    if (!past || past->empty() || !std::holds_alternative<RunBegan>(past->front().body)) {
      if (wanted) return fail(past ? not_found(fmt::format("run {} has no beginning", name)) : past.error());
      continue;
    }
    const auto& began = std::get<RunBegan>(past->front().body);
    if (!wanted && !name.empty() &&
        (began.mission_name != name || (flags_.ns != "default" && began.mission_namespace != flags_.ns)))
      continue;
    return describe(*run, began);
  }
  if (name.empty()) return fail(not_found("there is no run yet; start one with `remit run FILE`"));
  return fail(
      not_found(fmt::format("there is no run or mission '{}'; `remit get missions` lists them", printable(name, 100))));
}

Result<std::vector<RunRecord>> Session::records(Ulid run) {
  return action::read_run_log(files_, folder_.run_log_path(run));
}

Task<Result<resource::Object>> Session::mission(const std::string& name) {
  const std::string kind(resource::Mission::kKind);
  auto object = co_await store_->get({kind, flags_.ns, name});
  if (object || object.error().code() != Code::kNotFound || flags_.ns != resource::kDefaultNamespace) co_return object;
  // Without -n a name that only one namespace has is found there.
  resource::ListOptions options;
  options.kind = kind;
  options.name = name;
  REMIT_CO_TRY(auto list, co_await store_->list(options));
  if (list.items.size() == 1) co_return std::move(list.items.front());
  if (list.items.size() > 1)
    co_return fail(invalid_argument(fmt::format("several namespaces have a mission '{}'; say which with -n", name)));
  co_return fail(object.error());
}

static Task<> run_command_task(Session* session, std::function<Task<Result<int>>(Session&)> command, int* code) {
  auto result = co_await command(*session);
  *code = result ? *result : report(result.error());
  session->close();
}

int in_session(const CommonFlags& flags, std::function<Task<Result<int>>(Session&)> command) {
  asio::io_context io(1);
  auto session = Session::open(io, flags);
  if (!session) return report(session.error());
  int code = kInternal;
  asio::co_spawn(io, run_command_task(session->get(), std::move(command), &code), asio::detached);
  io.run();
  return code;
}

void print_object(const json::value& value, OutputFormat format) {
  const std::string text = format == OutputFormat::kYaml        ? resource::to_yaml(value)
                           : format == OutputFormat::kJsonLines ? to_json(value) + "\n"
                                                                : pretty_json(value);
  std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace remit::cli
