// For tests and benchmarks of the workspace: folders that clean up after themselves, and a layer really mounted by the
// kernel's overlayfs in a child with a user and mount namespace of its own.
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "sandbox/workspace.h"

namespace remit::sandbox::testing {

namespace fs = std::filesystem;

class TempFolder {
 public:
  TempFolder() {
    std::string name = (fs::temp_directory_path() / "remit-workspace-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
    ::chmod(path_.c_str(), 0755);
  }
  ~TempFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline void put_file(const std::string& path, std::string_view bytes, mode_t mode = 0644) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  ::chmod(path.c_str(), mode);
}

inline std::string get_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_proc(const char* path, const std::string& text) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (::write(fd, text.data(), text.size()) < 0) std::perror(path);
  ::close(fd);
}

// 0, or the errno of what failed. For the child only.
inline int mount_layer(const OverlayPlan& plan, const std::string& target) {
  const auto uid = ::geteuid();
  const auto gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return errno;
  write_proc("/proc/self/setgroups", "deny");
  write_proc("/proc/self/uid_map", fmt::format("{} {} 1\n", uid, uid));
  write_proc("/proc/self/gid_map", fmt::format("{} {} 1\n", gid, gid));
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return errno;
  std::string lower;
  for (const auto& path : plan.lowerdirs) lower += (lower.empty() ? "" : ":") + path;
  const std::string data = fmt::format("lowerdir={},upperdir={},workdir={},index=off,xino=off,volatile,userxattr",
                                       lower, plan.upperdir, plan.workdir);
  return ::mount("overlay", target.c_str(), "overlay", 0, data.c_str()) == 0 ? 0 : errno;
}

// ThreadSanitizer starts its own thread in a child of fork(), and a process with two threads may not enter a new user
// namespace.
inline pid_t fork_one_thread() {
#if defined(__has_feature) && __has_feature(thread_sanitizer)
  return ::_Fork();
#else
  return ::fork();
#endif
}

// Forks, runs `work` in the child and gives its exit code, or 1000 plus the signal that ended it.
inline int in_child(const std::function<int()>& work) {
  const pid_t child = fork_one_thread();
  if (child == 0) {
    ::alarm(120);
    ::_exit(work());
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Runs `work` in the mounted layer, the working folder being the workspace. 200 and more: the mount failed.
inline int in_layer(const Layer& layer, const std::function<int()>& work) {
  TempFolder target;
  return in_child([&] {
    if (const int why = mount_layer(layer.mount(), target.path()); why != 0) {
      fmt::print(stderr, "mount: {}\n", std::strerror(why));
      return 200;
    }
    if (::chdir(target.path().c_str()) != 0) return 201;
    return work();
  });
}

inline int run_in_layer(const Layer& layer, const std::string& script) {
  return in_layer(layer, [&] {
    ::execl("/bin/sh", "sh", "-c", ("set -e\n" + script).c_str(), nullptr);
    return 202;
  });
}

// Every path below with its type, mode and content: "f644:bytes", "d", "l:target".
using Tree = std::map<std::string, std::string>;

inline Tree read_tree(const std::string& root) {
  Tree out;
  std::error_code error;
  for (auto at = fs::recursive_directory_iterator(root, error); at != fs::recursive_directory_iterator();
       at.increment(error)) {
    const auto name = at->path().lexically_relative(root).string();
    const auto status = at->symlink_status();
    const auto mode = static_cast<unsigned>(status.permissions()) & 0777u;
    if (fs::is_symlink(status))
      out[name] = "l:" + fs::read_symlink(at->path()).string();
    else if (fs::is_directory(status))
      out[name] = "d";
    else if (fs::is_regular_file(status))
      out[name] = fmt::format("f{:o}:", mode) + get_file(at->path().string());
    else
      out[name] = "other";
  }
  return out;
}

// The same through the trusted file tools.
inline Tree read_view(Workspace& workspace) {
  Tree out;
  auto listing = workspace.list(".", {.max_entries = kMaxListEntries, .max_depth = 64});
  if (!listing) return {{"error", listing.error().to_string()}};
  for (const auto& entry : listing->entries) {
    switch (entry.type) {
      case WorkspaceEntry::Type::kFolder: out[entry.path] = "d"; break;
      case WorkspaceEntry::Type::kSymlink: out[entry.path] = "l:" + entry.target; break;
      case WorkspaceEntry::Type::kOther: out[entry.path] = "other"; break;
      case WorkspaceEntry::Type::kFile: {
        auto content = workspace.read(entry.path, 1 << 20);
        out[entry.path] = fmt::format("f{:o}:", entry.mode) + (content ? content->bytes : content.error().to_string());
      }
    }
  }
  return out;
}

// What the kernel shows a command, through a layer that is thrown away.
inline Tree read_mounted(Workspace& workspace) {
  auto layer = workspace.begin_layer("look");
  if (!layer) return {{"error", layer.error().to_string()}};
  TempFolder out;
  const std::string file = out.path() + "/tree";
  ::chmod(out.path().c_str(), 0777);
  const int code = in_layer(*layer, [&] {
    std::ofstream to(file, std::ios::binary);
    for (const auto& [path, value] : read_tree(".")) to << path << '\0' << value << '\0';
    to.close();
    return to ? 0 : 1;
  });
  Tree tree;
  const std::string text = get_file(file);
  for (std::size_t at = 0; at < text.size();) {
    const auto middle = text.find('\0', at);
    const auto end = text.find('\0', middle + 1);
    tree[text.substr(at, middle - at)] = text.substr(middle + 1, end - middle - 1);
    at = end + 1;
  }
  if (code != 0) tree["error"] = std::to_string(code);
  if (auto gone = layer->discard(); !gone) tree["error"] = gone.error().to_string();
  return tree;
}

inline std::string show(const std::vector<FileChange>& changes) {
  std::string out;
  for (const auto& change : changes) {
    out += fmt::format("{}{} {}{}\n", change.permitted ? "" : "(no) ", to_string(change.kind), change.path,
                       change.reason.empty() ? "" : ": " + change.reason);
  }
  return out;
}

}  // namespace remit::sandbox::testing
