// The command's only way out: PID 1 listens on 127.0.0.1:port and hands every accepted connection, the socket itself,
// to the daemon. Nothing is copied, and whoever holds the other end is known by the descriptor, not by an address.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

// Brings the loopback of the new network namespace up.
Status raise_loopback();

Status listen_on_loopback(std::uint16_t port, Fd& listener);

// Accepts at most one connection and sends it. A daemon that does not take it in time makes the connection be closed:
// the client sees a reset.
void hand_over_connection(int listener, int channel);

}  // namespace remit::spawner
