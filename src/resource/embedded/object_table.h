// ObjectTable: objects and their history as rows, without any semantics. Synchronous; one thread; inside a transaction
// of its caller where it writes.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resource/store.h"
#include "store/database.h"

namespace remit::resource {

struct StoredEvent {
  std::int64_t version = 0;
  WatchEventType type = WatchEventType::kAdded;
  Object object;
  std::map<std::string, std::string> labels_before;  // Of the object before the event; empty for one that was added.
};

class ObjectTable {
 public:
  static Result<ObjectTable> open(const std::string& path);

  store::Database& database() { return database_; }

  Result<std::optional<Object>> find(const Key& key);
  // Objects of a kind by namespace and name, behind (after_ns, after_name). `each` returns false to end.
  Result<> scan(std::string_view kind, std::string_view ns, std::string_view after_ns, std::string_view after_name,
                const std::function<Result<bool>(Object)>& each);
  Result<> insert(const Object& object, std::int64_t version);
  Result<> replace(const Object& object, std::int64_t version);
  Result<> erase(const Key& key);

  // Versions count the changes of the whole store.
  Result<std::int64_t> current_version();
  Result<std::int64_t> next_version();
  Result<std::int64_t> compacted_version();  // Events up to this one are gone.

  Result<> add_event(std::int64_t version, WatchEventType type, const Object& object, const Object* before);
  // Forgets all but the newest `keep` events.
  Result<> trim_events(std::int64_t keep);
  // Events after `version` in order; kind "" means all.
  Result<> events_after(std::int64_t version, std::string_view kind, const std::function<Result<>(StoredEvent)>& each);

 private:
  explicit ObjectTable(store::Database database) : database_(std::move(database)) {}
  store::Database database_;
};

}  // namespace remit::resource
