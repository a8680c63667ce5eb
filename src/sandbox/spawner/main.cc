// The spawner: the only program of Remit that makes processes in namespaces. Started once per launcher with a socket to
// the daemon as descriptor 3; single-threaded; waits for requests, reports of its sandboxes, their deaths and their
// deadlines. When the socket ends, everything ends.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sandbox/spawner/birth.h"

namespace remit::spawner {

namespace wire = sandbox::wire;
using wire::Cause;

namespace {

Host host;
Table table;
wire::Start start_request;  // Too large for the stack.
char base_paths[5][1024];   // To remove them at the end.

void force_death(Slot& slot) {
  slot.deadline_ns = 0;
  kill_leaves(slot.leaves);
  ::syscall(SYS_pidfd_send_signal, slot.pidfd.get(), SIGKILL, nullptr, 0);
}

void begin_end(Slot& slot, Cause cause, std::uint8_t why, std::uint64_t grace_ns) {
  if (!slot.is_ending) {
    slot.cause = cause;
    slot.why = why;
  }
  slot.is_ending = true;
  // PID 1 that is still setting up would take SIGTERM for nothing; then there is nobody to be polite to.
  if (grace_ns == 0 || !slot.has_started) {
    force_death(slot);
    return;
  }
  slot.deadline_ns = now_ns() + grace_ns;
  ::syscall(SYS_pidfd_send_signal, slot.pidfd.get(), SIGTERM, nullptr, 0);
}

void on_start(Received& received) {
  if (!decode(received.data, received.size, start_request)) {
    reply(wire::Failed{start_request.id, static_cast<std::uint8_t>(Stage::kProtocol), EBADMSG});
    return;
  }
  Slot* slot = table.take(start_request.id);
  if (slot == nullptr) {
    reply(wire::Failed{start_request.id, static_cast<std::uint8_t>(Stage::kProtocol), ENOSPC});
    return;
  }
  if (const Status status = give_birth(host, start_request, received, *slot); !status.ok()) {
    reply(wire::Failed{start_request.id, static_cast<std::uint8_t>(status.stage),
                       static_cast<std::uint32_t>(status.error)});
    table.free(*slot);
  }
}

void on_kill(const Received& received) {
  wire::Kill kill;
  if (!decode(received.data, received.size, kill)) return;
  Slot* slot = table.find(kill.id);
  if (slot == nullptr) return;
  // The top bit asks for death without grace.
  const bool at_once = (kill.why & 0x80) != 0;
  if (slot->is_ending && !at_once) return;
  begin_end(*slot, Cause::kKilled, kill.why & 0x7f, at_once ? 0 : slot->grace_ns);
}

void remember_bases(const wire::Setup& setup) {
  const char* paths[5] = {setup.unified, setup.memory, setup.pids, setup.cpu, setup.freezer};
  for (int i = 0; i < 5; ++i) __builtin_strncpy(base_paths[i], paths[i], sizeof(base_paths[i]) - 1);
}

void on_setup(const Received& received) {
  wire::Setup setup;
  wire::Ready ready;
  Status status;
  if (host.image.image_view || !decode(received.data, received.size, setup)) {
    status = {Stage::kProtocol, EBADMSG};
  } else {
    remember_bases(setup);
    const int error = open_bases(setup, host.bases);
    status = error != 0 ? Status{Stage::kCgroup, error} : build_image(host.image);
    if (status.ok()) status = host.networks.start(host.image.host_proc.get());
    // Not before: an ordinary user writes its own id map.
    ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  }
  ready.stage = static_cast<std::uint8_t>(status.stage);
  ready.error = static_cast<std::uint32_t>(status.error);
  reply(ready);
}

// False when the daemon is gone.
bool on_daemon() {
  for (;;) {
    Received received;
    const Receive result = receive(received);
    if (result == Receive::kEnded) return false;
    if (result == Receive::kNothing) return true;
    const std::uint8_t type = received.is_cut ? 0 : wire::request_type(received.data, received.size);
    if (type == static_cast<std::uint8_t>(wire::RequestType::kSetup)) on_setup(received);
    if (type == static_cast<std::uint8_t>(wire::RequestType::kStart) && host.image.image_view) on_start(received);
    if (type == static_cast<std::uint8_t>(wire::RequestType::kKill)) on_kill(received);
  }
}

bool next_report(Slot& slot, wire::Report& out) {
  char bytes[64];
  const ssize_t size = ::recv(slot.report.get(), bytes, sizeof(bytes), MSG_DONTWAIT);
  return size > 0 && decode(bytes, static_cast<std::size_t>(size), out);
}

// What PID 1 said so far. Nothing that it says a second time counts.
void take_report(Slot& slot, wire::Done& done) {
  wire::Report report;
  if (!next_report(slot, report)) return;
  if (report.kind == wire::Report::kStarted && !slot.has_started) {
    slot.has_started = true;
    reply(wire::Started{slot.id, report.at_ns});
  }
  if (report.kind == wire::Report::kFailed && !slot.has_started) {
    slot.has_failed = true;
    slot.failed_stage = report.stage;
    slot.error = report.error;
  }
  if (report.kind == wire::Report::kExit && slot.has_started) {
    done.has_status = true;
    done.status = report.status;
    done.ended_ns = report.at_ns;
    done.cpu_us = report.cpu_us;
    done.quota_full = report.quota_full != 0;
  }
}

void on_report(Slot& slot) {
  wire::Done ignored;
  take_report(slot, ignored);
}

void on_death(Slot& slot) {
  int status = 0;
  if (::waitpid(slot.pid, &status, WNOHANG) != slot.pid) return;
  wire::Done done;
  done.id = slot.id;
  for (int i = 0; i < 3; ++i) take_report(slot, done);
  const CgroupCounts counts = read_counts(slot.leaves);
  done.oom_kills = counts.oom_kills;
  done.refused_forks = counts.refused_forks;
  done.peak_memory_bytes = counts.peak_memory_bytes;
  done.cause = static_cast<std::uint8_t>(slot.cause);
  done.why = slot.why;
  slot.leaves = Leaves{};
  remove_leaves(host.bases, slot.id);
  done.gone_ns = now_ns();
  if (slot.has_failed) {
    reply(wire::Failed{slot.id, slot.failed_stage, slot.error});
  } else {
    reply(done);
  }
  table.free(slot);
}

void on_deadline(Slot& slot) {
  if (slot.is_ending) {
    force_death(slot);
  } else {
    begin_end(slot, Cause::kWallTime, 0, slot.grace_ns);
  }
}

// Time until the nearest deadline; nullptr for none.
timespec* until_deadline(timespec& out) {
  std::uint64_t nearest = 0;
  for (const Slot& slot : table) {
    if (slot.id != 0 && slot.deadline_ns != 0 && (nearest == 0 || slot.deadline_ns < nearest))
      nearest = slot.deadline_ns;
  }
  if (nearest == 0) return nullptr;
  const std::uint64_t now = now_ns();
  const std::uint64_t left = nearest > now ? nearest - now : 0;
  out = {static_cast<time_t>(left / 1'000'000'000u), static_cast<long>(left % 1'000'000'000u)};
  return &out;
}

bool turn(bool with_daemon) {
  static pollfd waited[2 + 2 * kSlots];
  static Slot* owner[2 + 2 * kSlots];
  nfds_t count = 0;
  waited[count++] = {with_daemon ? kDaemonSocket : -1, POLLIN, 0};
  waited[count++] = {host.networks.socket(), POLLIN, 0};
  for (Slot& slot : table) {
    if (slot.id == 0) continue;
    owner[count] = &slot;
    waited[count++] = {slot.has_started || slot.has_failed ? -1 : slot.report.get(), POLLIN, 0};
    owner[count] = &slot;
    waited[count++] = {slot.pidfd.get(), POLLIN, 0};
  }
  timespec left;
  if (::ppoll(waited, count, until_deadline(left), nullptr) < 0 && errno != EINTR) return false;
  if (waited[1].revents != 0) host.networks.on_readable();
  for (nfds_t i = 2; i < count; i += 2) {
    if (waited[i].revents != 0 && waited[i + 1].revents == 0) on_report(*owner[i]);
    if (waited[i + 1].revents != 0) on_death(*owner[i]);
  }
  const std::uint64_t now = now_ns();
  for (Slot& slot : table) {
    if (slot.id != 0 && slot.deadline_ns != 0 && slot.deadline_ns <= now) on_deadline(slot);
  }
  return waited[0].revents == 0 || !with_daemon || on_daemon();
}

// The daemon is gone: nothing it started may stay.
void leave() {
  for (Slot& slot : table) {
    if (slot.id != 0) force_death(slot);
  }
  while (table.live() > 0 && turn(false)) {
  }
  host.bases = CgroupBases{};
  if (host.image.host_view) (void)enter_host_view(host.image);
  for (const auto& path : base_paths) {
    if (path[0] == 0) continue;
    ::rmdir(path);
    // The instance's own folder goes with its last spawner.
    char parent[sizeof(path)];
    __builtin_memcpy(parent, path, sizeof(parent));
    if (char* slash = __builtin_strrchr(parent, '/'); slash != nullptr && slash != parent) {
      *slash = 0;
      ::rmdir(parent);
    }
  }
}

void prepare_self() {
  ::setsid();  // A terminal's Ctrl-C is for the daemon, which ends its sandboxes in order.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::prctl(PR_SET_NAME, "remit-spawner", 0, 0, 0);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max < 8192 ? files.rlim_max : 8192;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  ::umask(022);
  (void)!::chdir("/");
}

int run() {
  prepare_self();
  int alive[2];
  if (::pipe2(alive, O_CLOEXEC) != 0) return 1;
  host.alive_read = Fd(alive[0]);
  host.alive_write = Fd(alive[1]);
  while (turn(true)) {
  }
  leave();
  return 0;
}

}  // namespace

}  // namespace remit::spawner

int main() { return remit::spawner::run(); }
