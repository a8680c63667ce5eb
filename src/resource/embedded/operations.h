// Operations: Kubernetes' rules for reading and changing objects, over an ObjectTable. Synchronous; one thread. What
// writes runs inside a transaction (or savepoint) of its caller, who rolls back when it fails.
#pragma once

#include "base/clock.h"
#include "base/rng.h"
#include "resource/embedded/object_table.h"
#include "resource/store.h"

namespace remit::resource {

class Operations {
 public:
  Operations(ObjectTable& table, const Clock& clock, Rng& rng, std::int64_t event_history)
      : table_(table), clock_(clock), rng_(rng), event_history_(event_history) {}

  ObjectTable& table() { return table_; }

  Result<Object> get(const Key& key);
  Result<ObjectList> list(const ListOptions& options);
  Result<Object> create(Object object);
  Result<Object> update(Object object);
  Result<Object> update_status(Object object);
  Result<Object> patch(const Key& key, const json::value& merge_patch, PatchTarget target);
  Result<Object> remove(const Key& key, const Preconditions& preconditions);

 private:
  Result<> choose_name(Object& object);
  // Gives the next version to `object`, keeps it and records the event.
  Result<Object> keep(Object object, const Object* before, WatchEventType type);
  Result<Object> erase(Object object);
  Result<Object> replace_spec(const Object& current, Object wanted);
  Result<Object> replace_status(const Object& current, const Object& wanted);
  std::string now() const;
  std::string make_uid();

  ObjectTable& table_;
  const Clock& clock_;
  Rng& rng_;
  std::int64_t event_history_;
};

}  // namespace remit::resource
