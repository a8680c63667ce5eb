#include "sandbox/tier/output_pipe.h"

#include <fcntl.h>

#include <boost/asio/post.hpp>

namespace remit::sandbox {

namespace {

// Other work gets its turn after this many reads of a busy stream.
constexpr int kReadsPerTurn = 16;

int null_device() {
  static const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  return fd;
}

}  // namespace

OutputPipe::OutputPipe(asio::any_io_executor executor, UniqueFd fd, std::uint64_t keep_bytes,
                       std::function<void()> changed)
    : pipe_(std::move(executor), fd.release()), room_(keep_bytes), changed_(std::move(changed)) {
  pipe_.non_blocking(true);
}

void OutputPipe::keep(std::string_view bytes) {
  const std::size_t kept = static_cast<std::size_t>(std::min<std::uint64_t>(room_, bytes.size()));
  room_ -= kept;
  dropped_ += bytes.size() - kept;
  if (kept == 0) return;
  if (!chunks_.empty() && chunks_.back().size() + kept <= limits::kOutputChunkBytes) {
    chunks_.back().append(bytes.substr(0, kept));
  } else {
    chunks_.emplace_back(bytes.substr(0, kept));
  }
  changed_();
}

OutputPipe::Got OutputPipe::read_some() {
  char buffer[limits::kOutputChunkBytes];
  const ssize_t got = ::read(pipe_.native_handle(), buffer, sizeof(buffer));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Got::kNothing;
  if (got <= 0) return Got::kEnd;
  keep({buffer, static_cast<std::size_t>(got)});
  return Got::kSome;
}

// Without copying: the kernel throws the pages away.
OutputPipe::Got OutputPipe::drop_some() {
  const ssize_t got = ::splice(pipe_.native_handle(), nullptr, null_device(), nullptr, 1u << 20, SPLICE_F_NONBLOCK);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return Got::kNothing;
  if (got < 0) return read_some();  // A stream that cannot be spliced.
  if (got == 0) return Got::kEnd;
  dropped_ += static_cast<std::uint64_t>(got);
  return Got::kSome;
}

Task<> OutputPipe::drain(std::shared_ptr<OutputPipe> self) {
  Got got = Got::kSome;
  while (got != Got::kEnd) {
    for (int i = 0; i < kReadsPerTurn && got == Got::kSome; ++i)
      got = self->room_ > 0 ? self->read_some() : self->drop_some();
    if (got == Got::kEnd || (got == Got::kNothing && self->finishing_)) break;
    if (got == Got::kSome) {
      co_await asio::post(asio::use_awaitable);
    } else if (!self->finishing_) {
      co_await self->pipe_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
    }
    got = Got::kSome;
  }
  self->ended_ = true;
  self->pipe_.close();
  self->changed_();
}

void OutputPipe::finish() {
  finishing_ = true;
  if (!ended_) pipe_.cancel();
}

std::string OutputPipe::take_chunk() {
  std::string chunk = std::move(chunks_.front());
  chunks_.pop_front();
  return chunk;
}

}  // namespace remit::sandbox
