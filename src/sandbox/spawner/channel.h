// The spawner's end of the socket to the daemon.
#pragma once

#include "sandbox/spawner/sys.h"
#include "sandbox/wire/request.h"

namespace remit::spawner {

inline constexpr int kDaemonSocket = 3;

struct Received {
  const char* data = nullptr;
  std::size_t size = 0;
  Fd fds[sandbox::wire::kFds + 1];
  std::size_t fd_count = 0;
  bool is_cut = false;  // Larger than allowed, or with too many descriptors: not to be used.
};

enum class Receive { kMessage, kNothing, kEnded };

// The bytes stay until the next call.
Receive receive(Received& out);

void send_reply(const char* data, std::size_t size);

template <typename Message>
void reply(const Message& message) {
  char bytes[sandbox::wire::kReplyBytes];
  const std::size_t size = encode(message, bytes, sizeof(bytes));
  send_reply(bytes, size);
}

}  // namespace remit::spawner
