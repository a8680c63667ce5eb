// PID 1 of a sandbox: sets everything up, starts the command, reaps, passes signals on, and ends when the command does,
// which ends all the rest.
#pragma once

#include "sandbox/spawner/cgroup.h"
#include "sandbox/spawner/command.h"
#include "sandbox/spawner/mounts.h"
#include "sandbox/wire/request.h"

namespace remit::spawner {

// What the new process gets from the spawner. Descriptors are numbers in its copy of the spawner's table.
struct InitContext {
  const sandbox::wire::Start* start = nullptr;
  const Image* image = nullptr;
  const Leaves* leaves = nullptr;
  Prepared* prepared = nullptr;
  const int* fds = nullptr;  // start->fd_count of them.
  int bridge = -1;
  int report = -1;   // To the spawner.
  int network = -1;  // A fresh network namespace; -1: make one.
  int alive = -1;    // Ends when the spawner does.
  Bounds bounds;
};

[[noreturn]] void run_init(InitContext context);

}  // namespace remit::spawner
