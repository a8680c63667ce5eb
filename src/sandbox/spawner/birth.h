// Making one sandbox: cgroup leaves, detached mounts, the new process. What was made is removed again when a step
// fails.
#pragma once

#include "sandbox/spawner/channel.h"
#include "sandbox/spawner/image.h"
#include "sandbox/spawner/net_stock.h"
#include "sandbox/spawner/table.h"

namespace remit::spawner {

struct Host {
  Image image;
  CgroupBases bases;
  NetStock networks;
  Fd alive_read, alive_write;  // Its ends close with the spawner.
};

// Fills `slot`, whose id is set. The descriptors of the message go to the new process.
Status give_birth(Host& host, sandbox::wire::Start& start, Received& received, Slot& slot);

}  // namespace remit::spawner
