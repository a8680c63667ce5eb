// EmbeddedStore: the store on one SQLite file, for one machine. Several processes may have it open at once; each sees
// the others' changes within limits::kStorePoll. An acknowledged change survives loss of power.
//
// One thread of its own does all the work in the order of the calls, many in one transaction; callers wait without
// blocking their thread. More than limits::kStoreQueue waiting calls: kResourceExhausted. Destroying it finishes the
// calls that wait and ends its watches; the io_contexts of callers must still be there.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "resource/limits.h"
#include "resource/store.h"

namespace remit::resource {

struct EmbeddedStoreOptions {
  const Clock* clock = nullptr;  // Required; read on the store's thread, as is rng.
  Rng* rng = nullptr;
  std::chrono::milliseconds poll = limits::kStorePoll;
  std::int64_t event_history = limits::kEventHistory;
};

class EmbeddedStore final : public Store {
 public:
  // Creates the file when it is not there; migrates an older one, refuses a newer one.
  static Result<std::unique_ptr<EmbeddedStore>> open(std::string path, EmbeddedStoreOptions options);
  ~EmbeddedStore() override;

  Task<Result<Object>> get(Key key) override;
  Task<Result<ObjectList>> list(ListOptions options) override;
  Task<Result<std::unique_ptr<Watch>>> watch(WatchOptions options) override;
  Task<Result<Object>> create(Object object) override;
  Task<Result<Object>> update(Object object) override;
  Task<Result<Object>> update_status(Object object) override;
  Task<Result<Object>> patch(Key key, json::value merge_patch, PatchTarget target) override;
  Task<Result<Object>> remove(Key key, Preconditions preconditions) override;

 private:
  class Impl;
  explicit EmbeddedStore(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace remit::resource
