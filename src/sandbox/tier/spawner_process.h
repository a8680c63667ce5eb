// Starts the spawner from memory and ends it. The caller's memory is never copied: posix_spawn shares it until the new
// program runs.
#pragma once

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace remit::sandbox {

class SpawnerProcess {
 public:
  static Result<SpawnerProcess> start();
  SpawnerProcess(SpawnerProcess&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), socket_(std::move(other.socket_)) {}
  SpawnerProcess& operator=(SpawnerProcess&&) = delete;
  // Waits until the spawner has removed its sandboxes; the socket must be closed by then. After kPatience it is killed.
  ~SpawnerProcess();

  UniqueFd take_socket() { return std::move(socket_); }
  pid_t pid() const { return pid_; }

 private:
  SpawnerProcess(pid_t pid, UniqueFd socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_ = -1;
  UniqueFd socket_;
};

}  // namespace remit::sandbox
