#include "sandbox/workspace/state.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"

namespace remit::sandbox {

static constexpr std::size_t kMetaBytes = 64u << 10;

static Result<std::string> real_path(const std::string& path) {
  std::string buffer(PATH_MAX, '\0');
  if (::realpath(path.c_str(), buffer.data()) == nullptr) return fail(errno_error(printable(path), errno));
  buffer.resize(buffer.find('\0'));
  return buffer;
}

static bool within(const std::string& inner, const std::string& outer) {
  return inner == outer || outer == "/" || inner.starts_with(outer + "/");
}

Result<std::shared_ptr<WorkspaceState>> WorkspaceState::open(WorkspaceOptions options) {
  auto state = std::make_shared<WorkspaceState>();
  state->options = std::move(options);
  const bool writable = !state->options.inspect_only;
  REMIT_TRY(state->rules, HideRules::parse(state->options.hide));
  REMIT_CHECK_OK(state->check_folders());
  REMIT_CHECK_OK(state->make_folders());
  if (writable) REMIT_CHECK_OK(state->take_lock());
  if (writable) REMIT_CHECK_OK(check_carries_overlay(state->temporary.get(), state->options.run_folder));
  REMIT_CHECK_OK(state->load_meta());
  REMIT_TRY(state->base, BaseLog::open(state->root_fd.get(), "base.log", !writable));
  if (!writable) return state;
  REMIT_CHECK_OK(state->empty_temporary());
  if (state->has_mark("resetting")) REMIT_CHECK_OK(state->reset(false));
  state->mask.emplace(state->masks.get(), state->lower.get(), state->rules);
  state->mask->start();
  return state;
}

Result<> WorkspaceState::check_folders() {
  struct stat entry{};
  for (const auto* path : {&options.folder, &options.run_folder}) {
    if (path->empty() || path->front() != '/') {
      return fail(invalid_argument(fmt::format("workspace: \"{}\" is not an absolute path", printable(*path))));
    }
  }
  auto real_folder = real_path(options.folder);
  if (!real_folder) return fail(real_folder.error().wrap("workspace folder"));
  options.folder = *real_folder;
  lower.reset(::open(options.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lower || ::fstat(lower.get(), &entry) != 0) {
    return fail(errno_error("open the workspace folder " + printable(options.folder), errno));
  }
  owner = options.owner.value_or(::geteuid() == 0 ? std::pair(entry.st_uid, entry.st_gid)
                                                  : std::pair(::geteuid(), ::getegid()));
  // An ordinary user can make files of a folder's group only when in it; their own is always right.
  if (!options.inspect_only) REMIT_CHECK_OK(make_directories(options.run_folder));
  REMIT_TRY(options.run_folder, real_path(options.run_folder));
  if (within(options.run_folder, options.folder) || within(options.folder, options.run_folder)) {
    return fail(invalid_argument(fmt::format(
        "the workspace folder {} and the run's folder {} lie in each other: point the mission's workspace at a folder "
        "beside Remit's data folder, or move the data folder",
        printable(options.folder), printable(options.run_folder))));
  }
  root = options.run_folder + "/workspace";
  return {};
}

Result<> WorkspaceState::open_folder(UniqueFd& fd, const char* name, mode_t mode) {
  if (!options.inspect_only && ::mkdirat(root_fd.get(), name, mode) != 0 && errno != EEXIST) {
    return fail(errno_error(fmt::format("make {}/{}", root, name), errno));
  }
  fd.reset(open_beneath(root_fd.get(), name, O_RDONLY | O_DIRECTORY));
  if (!fd) return fail(errno_error(fmt::format("open {}/{}", root, name), errno));
  return {};
}

Result<> WorkspaceState::make_folders() {
  if (!options.inspect_only && ::mkdir(root.c_str(), 0711) != 0 && errno != EEXIST) {
    return fail(errno_error("make " + root, errno));
  }
  root_fd.reset(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root_fd) return fail(errno_error("open " + root, errno));
  if (UniqueFd probe(open_beneath(root_fd.get(), "", O_PATH)); !probe && errno == ENOSYS) {
    return fail(Code::kUnimplemented, "the kernel has no openat2: Linux 5.6 or later is needed");
  }
  // What the layers and the upper contain decides who may pass; these folders only let them be reached.
  REMIT_CHECK_OK(open_folder(upper, "upper", 0755));
  REMIT_CHECK_OK(open_folder(layers, "layers", 0711));
  REMIT_CHECK_OK(open_folder(masks, "masks", 0755));
  return open_folder(temporary, "temporary", 0700);
}

Result<> WorkspaceState::take_lock() {
  lock.reset(open_beneath(root_fd.get(), "lock", O_RDWR | O_CREAT, 0600));
  if (!lock) return fail(errno_error("open " + root + "/lock", errno));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno != EWOULDBLOCK) return fail(errno_error("lock " + root, errno));
  return fail(Code::kUnavailable, "another process works on the run in " + options.run_folder +
                                      ": wait until the run has ended, or ask the daemon");
}

Result<> WorkspaceState::load_meta() {
  UniqueFd fd(open_beneath(root_fd.get(), "meta.json", O_RDONLY));
  if (!fd && errno == ENOENT && !options.inspect_only) return write_meta();
  if (!fd) return fail(errno_error("open " + root + "/meta.json", errno));
  REMIT_TRY(const auto text, read_some(fd.get(), kMetaBytes));
  auto read = read_meta(text);
  if (!read) return fail(read.error().wrap(root + "/meta.json"));
  return {};
}

Result<> WorkspaceState::read_meta(const std::string& text) {
  REMIT_TRY(const auto object, parse_json_object(text));
  const auto version = get_int(object, "version");
  if (get_string(object, "schema") != "remit.workspace/v1" || version < 1) {
    return fail(Code::kDataLoss, "is not the description of a workspace");
  }
  if (version > kWorkspaceVersion) {
    return fail(Code::kFailedPrecondition, fmt::format("has version {}, this Remit knows up to {}: use the newer Remit",
                                                       version, kWorkspaceVersion));
  }
  struct stat entry{};
  if (::fstat(lower.get(), &entry) != 0) return fail(errno_error("stat", errno));
  if (get_string(object, "folder") != printable(options.folder)) {
    return fail(Code::kFailedPrecondition, fmt::format("the run began over {}, not over {}",
                                                       get_string(object, "folder"), printable(options.folder)));
  }
  if (static_cast<std::uint64_t>(get_int(object, "inode")) != entry.st_ino) {
    return fail(Code::kFailedPrecondition,
                fmt::format("{} was replaced by another folder of that name since the run began: "
                            "discard the run, or put the folder back",
                            printable(options.folder)));
  }
  began_ns = get_int(object, "beganNs");
  return {};
}

Result<> WorkspaceState::write_meta() {
  // The file system's own stamp is the beginning: the times of the user's files are compared with it.
  (void)::unlinkat(root_fd.get(), "meta.json.new", 0);
  UniqueFd fd(open_beneath(root_fd.get(), "meta.json.new", O_WRONLY | O_CREAT | O_EXCL, 0600));
  struct stat stamp{};
  struct stat folder{};
  if (!fd || ::fstat(fd.get(), &stamp) != 0 || ::fstat(lower.get(), &folder) != 0) {
    return fail(errno_error("write " + root + "/meta.json", errno));
  }
  began_ns = ctime_ns(stamp);
  const json::object object{{"schema", "remit.workspace/v1"},
                            {"version", kWorkspaceVersion},
                            {"folder", jsv(printable(options.folder))},
                            {"inode", static_cast<std::int64_t>(folder.st_ino)},
                            {"beganNs", began_ns}};
  REMIT_CHECK_OK(write_all(fd.get(), pretty_json(object)));
  if (::renameat(root_fd.get(), "meta.json.new", root_fd.get(), "meta.json") != 0) {
    return fail(errno_error("write " + root + "/meta.json", errno));
  }
  return {};
}

Result<> WorkspaceState::empty_temporary() {
  REMIT_TRY(const auto names, entry_names(temporary.get(), kMaxFolderEntries));
  for (const auto& name : names) REMIT_CHECK_OK(remove_tree(temporary.get(), name));
  return {};
}

UpperWriter WorkspaceState::writer() const {
  return {{upper.get(), lower.get(), temporary.get()}, rules, owner, options.step_hook};
}

Result<> WorkspaceState::require_writable() const {
  if (!options.inspect_only) return {};
  return fail(Code::kFailedPrecondition, "this workspace was opened only to look at it");
}

Result<> WorkspaceState::record_base(const std::vector<std::string>& paths) {
  std::int64_t budget = kHashBudgetBytes;
  for (const auto& path : paths) {
    if (base.find(path) != nullptr) continue;
    Fingerprint fingerprint = take_fingerprint(lower.get(), path, budget);
    const bool timed = fingerprint.type != Fingerprint::Type::kAbsent && fingerprint.type != Fingerprint::Type::kFolder;
    fingerprint.late = timed && fingerprint.ctime_ns > began_ns;
    base.add(path, std::move(fingerprint));
  }
  step("base");
  return base.flush();
}

Result<> WorkspaceState::remove_aside(int folder, const std::string& name) {
  for (unsigned number = 0;; ++number) {
    const std::string aside = fmt::format("aside-{}", number);
    if (::renameat2(folder, name.c_str(), temporary.get(), aside.c_str(), RENAME_NOREPLACE) == 0) {
      step("aside");
      return remove_tree(temporary.get(), aside);
    }
    if (errno == ENOENT) return {};
    if (errno != EEXIST) return fail(errno_error("remove " + printable(name), errno));
  }
}

Result<> WorkspaceState::set_mark(const char* name) {
  UniqueFd fd(open_beneath(root_fd.get(), name, O_WRONLY | O_CREAT, 0600));
  if (!fd || ::fsync(fd.get()) != 0 || ::fsync(root_fd.get()) != 0)
    return fail(errno_error("write " + root + "/" + name, errno));
  return {};
}

Result<> WorkspaceState::clear_mark(const char* name) {
  if (::unlinkat(root_fd.get(), name, 0) == 0 || errno == ENOENT) return {};
  return fail(errno_error("remove " + root + "/" + name, errno));
}

bool WorkspaceState::has_mark(const char* name) const {
  return ::faccessat(root_fd.get(), name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

Result<std::size_t> WorkspaceState::layer_count() const {
  REMIT_TRY(const auto names, entry_names(layers.get(), kMaxFolderEntries));
  return names.size();
}

Result<> WorkspaceState::reset(bool layers_too) {
  REMIT_CHECK_OK(set_mark("resetting"));
  step("reset");
  if (layers_too) {
    REMIT_TRY(const auto names, entry_names(layers.get(), kMaxFolderEntries));
    for (const auto& name : names) REMIT_CHECK_OK(remove_aside(layers.get(), name));
  }
  // Its content goes, the folder stays: layers that are mounted name it.
  REMIT_TRY(const auto names, entry_names(upper.get(), kMaxFolderEntries));
  for (const auto& name : names) REMIT_CHECK_OK(remove_aside(upper.get(), name));
  step("reset-base");
  REMIT_CHECK_OK(base.clear());
  REMIT_CHECK_OK(write_meta());
  REMIT_CHECK_OK(clear_mark("accepting"));
  return clear_mark("resetting");
}

}  // namespace remit::sandbox
