#include "sandbox/spawner/cgroup.h"

#include <sys/stat.h>

#include "sandbox/spawner/cgroup_v1.h"
#include "sandbox/spawner/cgroup_v2.h"

namespace remit::spawner {

namespace {

int open_base(const char* path, Fd& out) {
  if (path[0] == 0) return 0;
  out = Fd(::open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return out ? 0 : errno;
}

int make_leaf(const Fd& base, const char* name, Fd& out) {
  if (!base) return 0;
  // Controllers that are mounted together share one folder.
  if (::mkdirat(base.get(), name, 0755) != 0 && errno != EEXIST) return errno;
  out = Fd(::openat(base.get(), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  return out ? 0 : errno;
}

int set_limits(const CgroupBases& bases, const sandbox::wire::Start& start, const Leaves& leaves) {
  int error = 0;
  if (leaves.memory) error = v1::set_memory(leaves.memory.get(), start.memory_bytes);
  if (error == 0 && leaves.pids)
    error = v1::set_pids(leaves.pids.get(), start.pids + 1);  // PID 1 of the sandbox is ours.
  if (error == 0 && leaves.cpu) error = v1::set_cpu(leaves.cpu.get(), start.cpu_percent);
  if (error == 0 && bases.unified_memory) error = v2::set_memory(leaves.unified.get(), start.memory_bytes);
  if (error == 0 && bases.unified_pids) error = v2::set_pids(leaves.unified.get(), start.pids + 1);
  if (error == 0 && bases.unified_cpu && start.cpu_percent > 0)
    error = v2::set_cpu(leaves.unified.get(), start.cpu_percent);
  return error;
}

void remove_leaf(const Fd& base, const char* name) {
  if (!base) return;
  // A dead member may be counted for a moment longer.
  for (int attempt = 0; attempt < 500; ++attempt) {
    if (::unlinkat(base.get(), name, AT_REMOVEDIR) == 0 || errno != EBUSY) return;
    const timespec pause{0, 200'000};
    ::nanosleep(&pause, nullptr);
  }
}

}  // namespace

int open_bases(const sandbox::wire::Setup& setup, CgroupBases& bases) {
  bases.unified_memory = setup.unified_memory;
  bases.unified_pids = setup.unified_pids;
  bases.unified_cpu = setup.unified_cpu;
  int error = open_base(setup.unified, bases.unified);
  if (error == 0) error = open_base(setup.memory, bases.memory);
  if (error == 0) error = open_base(setup.pids, bases.pids);
  if (error == 0) error = open_base(setup.cpu, bases.cpu);
  if (error == 0) error = open_base(setup.freezer, bases.freezer);
  return error;
}

int make_leaves(const CgroupBases& bases, const sandbox::wire::Start& start, Leaves& leaves) {
  char name[24];
  to_decimal(start.id, name);
  int error = make_leaf(bases.unified, name, leaves.unified);
  if (error == 0) error = make_leaf(bases.memory, name, leaves.memory);
  if (error == 0) error = make_leaf(bases.pids, name, leaves.pids);
  if (error == 0 && start.cpu_percent > 0) error = make_leaf(bases.cpu, name, leaves.cpu);
  if (error == 0) error = make_leaf(bases.freezer, name, leaves.freezer);
  if (error == 0) error = set_limits(bases, start, leaves);
  if (error != 0) remove_leaves(bases, start.id);
  return error;
}

int enter_leaves(const Leaves& leaves) {
  for (const Fd* leaf : {&leaves.memory, &leaves.pids, &leaves.cpu, &leaves.freezer}) {
    if (!*leaf) continue;
    if (const int error = v1::enter(leaf->get()); error != 0) return error;
  }
  return 0;
}

CgroupCounts read_counts(const Leaves& leaves) {
  CgroupCounts counts;
  if (leaves.unified) v2::read_counts(leaves.unified.get(), counts);
  v1::read_counts(leaves.memory.get(), leaves.pids.get(), counts);
  return counts;
}

void kill_leaves(const Leaves& leaves) {
  if (leaves.unified) v2::kill_members(leaves.unified.get());
  if (leaves.freezer) v1::kill_members(leaves.freezer.get());
}

void remove_leaves(const CgroupBases& bases, std::uint64_t id) {
  char name[24];
  to_decimal(id, name);
  for (const Fd* base : {&bases.unified, &bases.memory, &bases.pids, &bases.cpu, &bases.freezer})
    remove_leaf(*base, name);
}

}  // namespace remit::spawner
