#include "sandbox/cgroup/hierarchies.h"

#include <unistd.h>

#include "base/file.h"
#include "base/strings.h"

namespace remit::sandbox {

namespace {

constexpr std::size_t kProcFileBytes = 4u << 20;

// mountinfo writes space, tab, newline and backslash as \ooo.
std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
      out.push_back(static_cast<char>(value));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// proc_pid_mountinfo(5): id parent major:minor root mount-point options optional... - type source super-options
struct MountLine {
  std::string root, mount_point, type;
  std::vector<std::string> super_options;
};

bool parse_line(std::string_view line, MountLine& out) {
  const auto fields = split(line, ' ');
  const auto dash = std::ranges::find(fields, "-");
  if (dash - fields.begin() < 6 || fields.end() - dash < 4) return false;
  out.root = unescape(fields[3]);
  out.mount_point = unescape(fields[4]);
  out.type = std::string(dash[1]);
  out.super_options.clear();
  for (const std::string_view option : split(dash[3], ',')) out.super_options.emplace_back(option);
  return true;
}

// The path of a "id:controllers:path" line; for version 2 the controllers are empty.
std::string own_path(std::string_view own_cgroups, std::string_view controller) {
  for (const std::string_view line : split(own_cgroups, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view names = line.substr(first + 1, second - first - 1);
    const auto list = split(names, ',');
    if (controller.empty() ? names.empty() : std::ranges::find(list, controller) != list.end())
      return std::string(line.substr(second + 1));
  }
  return "/";
}

std::string folder_of(const MountLine& mount, const std::string& path) {
  std::string_view relative = path;
  if (mount.root != "/") {
    // A container without a cgroup namespace sees only its own part of the tree.
    if (!relative.starts_with(mount.root)) return mount.mount_point;
    relative.remove_prefix(mount.root.size());
  }
  if (relative == "/" || relative.empty()) return mount.mount_point;
  std::string folder = mount.mount_point + std::string(relative);
  return ::access(folder.c_str(), F_OK) == 0 ? folder : mount.mount_point;
}

constexpr std::string_view kKnown[] = {"memory",  "pids",  "cpu",     "freezer", "cpuset",
                                       "cpuacct", "blkio", "devices", "hugetlb", "net_cls"};

}  // namespace

bool Hierarchy::has(std::string_view controller) const {
  return std::ranges::find(controllers, controller) != controllers.end();
}

std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view own_cgroups) {
  std::vector<Hierarchy> found;
  for (const std::string_view line : split(mountinfo, '\n')) {
    MountLine mount;
    if (!parse_line(line, mount)) continue;
    Hierarchy one;
    one.mount_point = mount.mount_point;
    if (mount.type == "cgroup2") {
      one.is_v2 = true;
      one.own_folder = folder_of(mount, own_path(own_cgroups, ""));
      if (auto text = read_file(one.mount_point + "/cgroup.controllers", 4096)) {
        for (const std::string_view name : split(trim(*text), ' ')) one.controllers.emplace_back(name);
      }
    } else if (mount.type == "cgroup") {
      for (const std::string& option : mount.super_options) {
        if (std::ranges::find(kKnown, option) != std::end(kKnown)) one.controllers.push_back(option);
      }
      if (one.controllers.empty()) continue;
      one.own_folder = folder_of(mount, own_path(own_cgroups, one.controllers[0]));
    } else {
      continue;
    }
    found.push_back(std::move(one));
  }
  return found;
}

Result<std::vector<Hierarchy>> find_hierarchies() {
  REMIT_TRY(const std::string mounts, read_file("/proc/self/mountinfo", kProcFileBytes));
  REMIT_TRY(const std::string own, read_file("/proc/self/cgroup", kProcFileBytes));
  return parse_hierarchies(mounts, own);
}

std::string version_of(const std::vector<Hierarchy>& hierarchies) {
  const bool v1 = std::ranges::any_of(hierarchies, [](const Hierarchy& one) { return !one.is_v2; });
  const bool v2 = std::ranges::any_of(hierarchies, [](const Hierarchy& one) { return one.is_v2; });
  return v1 && v2 ? "hybrid" : v2 ? "v2" : v1 ? "v1" : "none";
}

}  // namespace remit::sandbox
