// OutputPipe: one stream of a command. Always drained, so that the command never waits for a reader; kept up to a
// bound, dropped and counted after it.
#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/task.h"
#include "base/unique_fd.h"

namespace remit::sandbox {

namespace limits {
inline constexpr std::size_t kOutputChunkBytes = 64u << 10;
}  // namespace limits

class OutputPipe {
 public:
  OutputPipe(asio::any_io_executor executor, UniqueFd fd, std::uint64_t keep_bytes, std::function<void()> changed);

  // Until the stream ends, or has nothing more after finish(). Keeps `self` alive.
  static Task<> drain(std::shared_ptr<OutputPipe> self);

  // Everyone who could write is dead: take what is there and end.
  void finish();

  bool ended() const { return ended_; }
  std::uint64_t dropped_bytes() const { return dropped_; }
  bool has_chunk() const { return !chunks_.empty(); }
  std::string take_chunk();

 private:
  enum class Got { kSome, kNothing, kEnd };
  Got read_some();
  Got drop_some();
  void keep(std::string_view bytes);

  asio::posix::stream_descriptor pipe_;
  std::uint64_t room_;
  std::function<void()> changed_;
  std::deque<std::string> chunks_;
  std::uint64_t dropped_ = 0;
  bool finishing_ = false;
  bool ended_ = false;
};

}  // namespace remit::sandbox
