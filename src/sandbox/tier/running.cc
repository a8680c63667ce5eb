#include "sandbox/tier/running.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

#include <boost/asio/co_spawn.hpp>

#include "base/file.h"
#include "sandbox/tier/exception_log.h"
#include "sandbox/tier/exit_report.h"

namespace remit::sandbox {

namespace {

// The spawner's own clock, whose readings come back in its replies.
std::uint64_t monotonic_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

Running::Running(std::shared_ptr<Hub> hub, Spec spec)
    : hub_(std::move(hub)), spec_(std::move(spec)), changed_(hub_->executor()), asked_ns_(monotonic_ns()) {}

bool Running::replaces(int number) const {
  return std::ranges::any_of(spec_.fds, [number](const InheritedFd& fd) { return fd.number == number; });
}

// A file in memory instead of a pipe: nobody has to feed it, and a command that does not read it holds nothing up.
Result<UniqueFd> Running::make_stdin() const {
  if (spec_.stdin_bytes.empty()) {
    UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    return null ? Result<UniqueFd>(std::move(null)) : fail(errno_error("sandbox: open /dev/null", errno));
  }
  UniqueFd memory(::memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail(errno_error("sandbox: memory for stdin", errno));
  REMIT_CHECK_OK(write_all(memory.get(), spec_.stdin_bytes));
  if (::lseek(memory.get(), 0, SEEK_SET) != 0 ||
      ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
    return fail(errno_error("sandbox: memory for stdin", errno));
  }
  return memory;
}

Result<UniqueFd> Running::make_output(std::shared_ptr<OutputPipe>& pipe) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("sandbox: pipe", errno));
  const std::weak_ptr<Running> weak = weak_from_this();
  pipe = std::make_shared<OutputPipe>(hub_->executor(), UniqueFd(ends[0]), spec_.limits.output_bytes, [weak] {
    if (const auto self = weak.lock()) self->changed_.notify();
  });
  return UniqueFd(ends[1]);
}

Result<Running::Descriptors> Running::make_descriptors() {
  Descriptors out;
  const auto add = [&out](UniqueFd fd, int number) {
    out.fds.push_back(fd.get());
    if (number >= 0) out.numbers.push_back(number);
    out.own.push_back(std::move(fd));
  };
  if (spec_.bridge_port != 0) {
    UniqueFd theirs;
    REMIT_TRY(bridge_, BridgeSocket::open(hub_->executor(), spec_.bridge_port, theirs));
    add(std::move(theirs), -1);  // Has no number inside: it belongs to PID 1.
  }
  if (!replaces(0)) {
    REMIT_TRY(UniqueFd fd, make_stdin());
    add(std::move(fd), 0);
  }
  if (!replaces(1)) {
    REMIT_TRY(UniqueFd fd, make_output(stdout_));
    add(std::move(fd), 1);
  }
  if (!replaces(2)) {
    REMIT_TRY(UniqueFd fd, make_output(stderr_));
    add(std::move(fd), 2);
  }
  for (const InheritedFd& fd : spec_.fds) {
    out.fds.push_back(fd.host_fd);
    out.numbers.push_back(fd.number);
  }
  return out;
}

void Running::drain_outputs() {
  for (const auto& pipe : {stdout_, stderr_}) {
    if (pipe) asio::co_spawn(hub_->executor(), OutputPipe::drain(pipe), log_exception);
  }
}

Task<Result<>> Running::start(std::shared_ptr<Running> self) {
  {
    REMIT_CO_TRY(Descriptors descriptors, self->make_descriptors());
    REMIT_CO_TRY(self->id_, co_await self->hub_->start(self, self->spec_, descriptors.fds, descriptors.numbers));
  }
  self->drain_outputs();
  while (self->started_ns_ == 0 && !self->failed_ && !self->report_) co_await self->changed_.wait();
  if (self->failed_) co_return fail(*self->failed_);
  if (self->started_ns_ == 0)
    co_return fail(Code::kUnavailable, fmt::format("sandbox: ended before the command ran: {}", self->report_->detail));
  co_return Result<>{};
}

void Running::on_started(const wire::Started& started) {
  started_ns_ = started.at_ns;
  changed_.notify();
}

void Running::on_failed(const wire::Failed& failed) {
  failed_ = stage_error(failed.stage, failed.error, spec_);
  end({});
}

void Running::on_done(const wire::Done& done) {
  end(make_exit_report(done, spec_.limits, {asked_ns_, started_ns_}, kill_reason_));
}

void Running::on_lost() {
  ExitReport report;
  report.ended_by = EndedBy::kInfrastructure;
  report.detail = "the spawner is gone, and the sandbox with it";
  end(std::move(report));
}

void Running::end(ExitReport report) {
  report_ = std::move(report);
  for (const auto& pipe : {stdout_, stderr_}) {
    if (pipe) pipe->finish();
  }
  if (bridge_) bridge_->close();
  changed_.notify();
}

bool Running::outputs_ended() const { return (!stdout_ || stdout_->ended()) && (!stderr_ || stderr_->ended()); }

Task<std::optional<Output>> Running::next_output(std::shared_ptr<Running> self) {
  for (;;) {
    if (self->stdout_ && self->stdout_->has_chunk()) co_return Output{Stream::kStdout, self->stdout_->take_chunk()};
    if (self->stderr_ && self->stderr_->has_chunk()) co_return Output{Stream::kStderr, self->stderr_->take_chunk()};
    if (self->outputs_ended()) co_return std::nullopt;
    co_await self->changed_.wait();
  }
}

Task<ExitReport> Running::wait(std::shared_ptr<Running> self) {
  while (!self->report_ || !self->outputs_ended()) co_await self->changed_.wait();
  ExitReport report = *self->report_;
  if (self->stdout_) report.truncated_stdout_bytes = self->stdout_->dropped_bytes();
  if (self->stderr_) report.truncated_stderr_bytes = self->stderr_->dropped_bytes();
  co_return report;
}

void Running::kill(EndedBy why, bool at_once) {
  if (report_) return;
  if (!std::exchange(killed_, true)) kill_reason_ = why;
  hub_->kill(id_, 0, at_once);
}

}  // namespace remit::sandbox
