// One descriptor through a unix socket.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

bool pass_fd(int socket, int fd, int flags);
// False when the other end is gone; `out` stays empty when nothing, or nothing usable, came.
bool receive_fd(int socket, Fd& out);

}  // namespace remit::spawner
