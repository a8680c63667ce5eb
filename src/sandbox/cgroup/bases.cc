#include "sandbox/cgroup/bases.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>

#include "base/file.h"
#include "base/strings.h"
#include "base/unique_fd.h"
#include "sandbox/cgroup/hierarchies.h"

namespace remit::sandbox {

namespace {

bool put(const std::string& path, std::string_view text) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool make_folder(const std::string& path) { return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST; }

// One folder below another: the instance's, then the launcher's.
struct Names {
  std::string instance;
  std::string launcher;
};

// "" when this user may not.
std::string make_pair_of_folders(const std::string& parent, const Names& names) {
  const std::string outer = parent + "/" + names.instance;
  const std::string inner = outer + "/" + names.launcher;
  // A spawner that leaves just now may remove the outer one between the two steps.
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (!make_folder(outer)) return "";
    if (make_folder(inner)) return inner;
    if (errno != ENOENT) break;
  }
  ::rmdir(outer.c_str());
  return "";
}

std::string make_v1(const Hierarchy& hierarchy, const Names& names) {
  std::string made = make_pair_of_folders(hierarchy.own_folder, names);
  if (made.empty() && hierarchy.own_folder != hierarchy.mount_point)
    made = make_pair_of_folders(hierarchy.mount_point, names);
  return made;
}

bool enable(const std::string& folder, std::string_view controller) {
  return put(folder + "/cgroup.subtree_control", fmt::format("+{}", controller));
}

bool lists(const std::string& file, std::string_view controller) {
  auto text = read_file(file, 4096);
  if (!text) return false;
  const auto names = split(trim(*text), ' ');
  return std::ranges::find(names, controller) != names.end();
}

// Moving a process into `folder` needs the right to write to the nearest common ancestor.
bool may_move_to(const Hierarchy& hierarchy, const std::string& folder) {
  std::string common = hierarchy.own_folder;
  while (common.size() > hierarchy.mount_point.size() && folder != common && !folder.starts_with(common + "/")) {
    common.resize(common.rfind('/'));
  }
  return ::access((common + "/cgroup.procs").c_str(), W_OK) == 0;
}

bool can_delegate(const std::string& folder) {
  for (const std::string_view controller : {"memory", "pids"}) {
    if (!lists(folder + "/cgroup.controllers", controller)) return false;
    if (!lists(folder + "/cgroup.subtree_control", controller) && !enable(folder, controller)) return false;
  }
  return true;
}

// A cgroup with processes of its own cannot bound sub-folders, so the nearest ancestor that can is taken.
void make_v2(const Hierarchy& hierarchy, const Names& names, CgroupBases& bases) {
  const bool has_controllers = hierarchy.has("memory") && hierarchy.has("pids");
  for (std::string folder = hierarchy.own_folder; folder.size() >= hierarchy.mount_point.size();
       folder.resize(folder.rfind('/'))) {
    if (has_controllers && !can_delegate(folder)) continue;
    if (!may_move_to(hierarchy, folder)) continue;
    bases.unified = make_pair_of_folders(folder, names);
    if (!bases.unified.empty()) break;
  }
  if (bases.unified.empty() || !has_controllers) return;
  const std::string outer = bases.unified.substr(0, bases.unified.rfind('/'));
  bases.unified_memory = enable(outer, "memory") && enable(bases.unified, "memory");
  bases.unified_pids = enable(outer, "pids") && enable(bases.unified, "pids");
  enable(outer.substr(0, outer.rfind('/')), "cpu");
  bases.unified_cpu = enable(outer, "cpu") && enable(bases.unified, "cpu");
}

}  // namespace

bool is_valid_instance(const std::string& instance) {
  return !instance.empty() && instance.size() <= 64 && std::ranges::all_of(instance, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

Result<CgroupBases> make_bases(const std::string& instance) {
  static std::atomic<unsigned> counter{0};
  const Names names{"remit." + instance, fmt::format("{}-{}", ::getpid(), ++counter)};
  REMIT_TRY(const std::vector<Hierarchy> hierarchies, find_hierarchies());
  CgroupBases bases;
  bases.version = version_of(hierarchies);
  for (const Hierarchy& one : hierarchies) {
    if (one.is_v2 && bases.unified.empty()) make_v2(one, names, bases);
  }
  for (const Hierarchy& one : hierarchies) {
    if (one.is_v2) continue;
    // Mounted together they share a folder, which must not be made twice.
    if (one.has("memory") && !bases.unified_memory && bases.memory.empty()) bases.memory = make_v1(one, names);
    if (one.has("pids") && !bases.unified_pids && bases.pids.empty()) bases.pids = make_v1(one, names);
    if (one.has("cpu") && !bases.unified_cpu && bases.cpu.empty()) bases.cpu = make_v1(one, names);
    if (one.has("freezer") && bases.unified.empty() && bases.freezer.empty()) bases.freezer = make_v1(one, names);
  }
  return bases;
}

}  // namespace remit::sandbox
