#include "sandbox/tier/exit_report.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

namespace remit::sandbox {

std::string_view to_string(EndedBy ended_by) {
  switch (ended_by) {
    case EndedBy::kExit: return "exit";
    case EndedBy::kSignal: return "signal";
    case EndedBy::kOom: return "oom";
    case EndedBy::kTimeout: return "timeout";
    case EndedBy::kPids: return "pids";
    case EndedBy::kQuota: return "quota";
    case EndedBy::kPolicy: return "policy";
    case EndedBy::kCancelled: return "cancelled";
    case EndedBy::kInfrastructure: return "infrastructure";
  }
  return "?";
}

namespace {

std::int64_t microseconds_between(std::uint64_t from, std::uint64_t to) {
  return to > from ? static_cast<std::int64_t>((to - from) / 1000) : 0;
}

std::string bytes_text(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void fill_status(const wire::Done& done, ExitReport& report) {
  if (!done.has_status) return;
  const int status = static_cast<int>(done.status);
  if (WIFEXITED(status)) report.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) report.signal = WTERMSIG(status);
}

// What ended a command that nobody killed. A limit that was touched counts only when the command did not get over it.
void judge(const wire::Done& done, const Limits& limits, ExitReport& report) {
  if (!done.has_status && done.oom_kills == 0) {
    report.ended_by = EndedBy::kInfrastructure;
    report.detail = "the sandbox's first process ended before the command";
    return;
  }
  if (report.exit_code == 0) {
    report.ended_by = EndedBy::kExit;
  } else if (done.oom_kills > 0) {
    report.ended_by = EndedBy::kOom;
    report.detail = fmt::format("the memory limit of {} was hit", bytes_text(limits.memory_bytes));
  } else if (report.signal == SIGXCPU || (limits.cpu_time.count() > 0 && report.signal == SIGKILL)) {
    report.ended_by = EndedBy::kTimeout;
    report.detail = "the limit of CPU time was reached";
  } else if (done.refused_forks > 0) {
    report.ended_by = EndedBy::kPids;
    report.detail = fmt::format("the limit of {} processes was hit {} times", limits.pids, done.refused_forks);
  } else if (report.signal == SIGXFSZ || done.quota_full) {
    report.ended_by = EndedBy::kQuota;
    report.detail = report.signal == SIGXFSZ ? fmt::format("a file grew past {}", bytes_text(limits.file_bytes))
                                             : "a memory-backed folder was full (see the sizes in mounts.tmpfs)";
  } else if (report.signal != 0) {
    report.ended_by = EndedBy::kSignal;
    report.detail = fmt::format("signal {} ({})", report.signal, ::strsignal(report.signal));
  } else {
    report.ended_by = EndedBy::kExit;
  }
}

}  // namespace

ExitReport make_exit_report(const wire::Done& done, const Limits& limits, Times times, EndedBy killed_for) {
  ExitReport report;
  const std::uint64_t ended_ns = done.has_status ? done.ended_ns : done.gone_ns;
  report.create_us = microseconds_between(times.asked_ns, times.started_ns);
  report.run_us = microseconds_between(times.started_ns, ended_ns);
  report.destroy_us = microseconds_between(ended_ns, done.gone_ns);
  report.peak_memory_bytes = done.peak_memory_bytes;
  report.cpu_us = static_cast<std::int64_t>(done.cpu_us);
  report.oom_kills = done.oom_kills;
  report.refused_forks = done.refused_forks;
  fill_status(done, report);
  switch (static_cast<wire::Cause>(done.cause)) {
    case wire::Cause::kWallTime:
      report.ended_by = done.refused_forks > 0 ? EndedBy::kPids : EndedBy::kTimeout;
      report.detail =
          fmt::format("the wall time of {:.3f} s was over", std::chrono::duration<double>(limits.wall_time).count());
      if (done.refused_forks > 0) report.detail += fmt::format("; {} forks had been refused", done.refused_forks);
      break;
    case wire::Cause::kKilled:
      report.ended_by = killed_for;
      report.detail = killed_for == EndedBy::kPolicy ? "cut by policy" : "stopped from outside";
      break;
    case wire::Cause::kItself:
    case wire::Cause::kLost: judge(done, limits, report); break;
  }
  return report;
}

}  // namespace remit::sandbox
