// Network namespaces made ahead. Making one takes longer than all the rest of a sandbox, and now and then many
// milliseconds, because the kernel takes old ones apart under the same lock. A helper process makes them; each is
// fresh, has its loopback up, and is used by one sandbox only.
#pragma once

#include "sandbox/spawner/sys.h"

namespace remit::spawner {

inline constexpr std::size_t kStockedNetworks = 4;

class NetStock {
 public:
  // Starts the helper, which ends with the spawner. `host_proc` is a /proc that shows the spawner's own processes.
  Status start(int host_proc);

  // Readable when the helper has something.
  int socket() const { return socket_.get(); }
  void on_readable();

  // A fresh namespace, or nothing: then the sandbox makes its own.
  Fd take();

 private:
  void ask();

  Fd socket_;
  Fd ready_[kStockedNetworks];
  std::size_t count_ = 0;
};

}  // namespace remit::spawner
