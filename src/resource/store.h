// Store: objects with Kubernetes' semantics, wherever they are kept. The code above does not know whether that is a
// file or a cluster.
//
// Promises of every implementation (store_conformance.h checks them): each change gives the object a new
// resourceVersion; an update that was made from an older one fails with kConflict; generation counts changes of spec;
// status changes only by update_status() (or a status patch) and nothing else changes there; a watch sees every change
// once and in order, or ends with kExpired. Objects are validated before they are kept. A client's coroutine goes on
// where it was; calls may be made from any thread.
//
// Errors: kNotFound, kAlreadyExists, kConflict (stale resourceVersion, failed precondition), kInvalidArgument (every
// problem of the object), kExpired (the history that a watch or a list's next page needs is gone: list again),
// kResourceExhausted (a limit, named), kUnavailable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/task.h"
#include "resource/limits.h"
#include "resource/object.h"
#include "resource/selector.h"

namespace remit::resource {

// HTTP's "410 Gone".
inline constexpr Code kExpired = Code::kOutOfRange;

struct Key {
  std::string kind;
  std::string ns;  // "" for a kind without namespaces.
  std::string name;
};
Key key_of(const Object& object);

struct ListOptions {
  std::string kind;
  std::string ns;    // "": all namespaces.
  std::string name;  // "": all names (fieldSelector=metadata.name).
  LabelSelector selector;
  std::size_t limit = 0;       // 0: as many as one page may hold (limits::kListPage).
  std::string continue_token;  // Of the list before.
};

struct ObjectList {
  std::vector<Object> items;     // By namespace, then name.
  std::string resource_version;  // Of the first page; a watch from here misses nothing, later pages may be newer.
  std::string continue_token;    // "" when this was the last page.
};

enum class WatchEventType : std::uint8_t { kAdded, kModified, kDeleted, kBookmark };
std::string_view to_string(WatchEventType type);  // "ADDED", "MODIFIED", "DELETED", "BOOKMARK"

struct WatchEvent {
  WatchEventType type = WatchEventType::kAdded;
  Object object;  // Deleted: the last state. Bookmark: only kind, apiVersion and resourceVersion.
};

struct WatchOptions {
  std::string kind;
  std::string ns;    // "": all namespaces.
  std::string name;  // "": all names.
  LabelSelector selector;
  // Events after this version. "": first what there is, as Added, then a bookmark, then what comes.
  std::string resource_version;
};

// Closed when it is destroyed. One caller of next() at a time; use and destroy it on the executor that watch() was
// called on, which runs one thing at a time (a single-threaded io_context or a strand).
class Watch {
 public:
  virtual ~Watch() = default;
  // Waits. kExpired: the watch has fallen behind, list again. kCancelled: close() was called, the coroutine was
  // cancelled or the store goes away.
  virtual Task<Result<WatchEvent>> next() = 0;
  virtual void close() = 0;
};

struct Preconditions {
  std::string uid;
  std::string resource_version;
};

enum class PatchTarget : std::uint8_t { kObject, kStatus };

class Store {
 public:
  virtual ~Store() = default;

  virtual Task<Result<Object>> get(Key key) = 0;
  virtual Task<Result<ObjectList>> list(ListOptions options) = 0;
  virtual Task<Result<std::unique_ptr<Watch>>> watch(WatchOptions options) = 0;
  // `generateName` gets a random suffix of five. A status in the object is dropped.
  virtual Task<Result<Object>> create(Object object) = 0;
  // Needs the resourceVersion that was read. Labels, annotations, finalizers, owners and spec are replaced; an update
  // that changes nothing keeps the version.
  virtual Task<Result<Object>> update(Object object) = 0;
  virtual Task<Result<Object>> update_status(Object object) = 0;
  // JSON merge patch (RFC 7386). A patch with metadata.resourceVersion holds only for that version.
  virtual Task<Result<Object>> patch(Key key, json::value merge_patch, PatchTarget target) = 0;
  // Returns the last state. With finalizers the object stays, marked by deletionTimestamp, until they are gone.
  virtual Task<Result<Object>> remove(Key key, Preconditions preconditions) = 0;
};

// All pages of a list, up to `most` objects; more of them: kResourceExhausted.
Task<Result<ObjectList>> list_all(Store& store, ListOptions options, std::size_t most = limits::kListAll);

}  // namespace remit::resource
