// Target: what the path and query of a request ask for, in Kubernetes' REST form:
//
//   /apis/remit.dev/v1alpha1/{plural}                                  a kind in all namespaces
//   /apis/remit.dev/v1alpha1/namespaces/{ns}/{plural}[/{name}[/status]]
//   /apis/remit.dev/v1alpha1/namespaces/{ns}/missions/{name}/log       the log of its run
//   /api, /apis, /apis/remit.dev, /apis/remit.dev/v1alpha1             discovery
//   /healthz, /livez, /readyz, /version
//
// Pure functions. Anything else is kNotFound, what cannot be read kInvalidArgument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "resource/kinds.h"
#include "resource/selector.h"

namespace remit::api {

enum class TargetKind : std::uint8_t {
  kHealth,
  kVersion,
  kCoreVersions,
  kGroups,
  kGroup,
  kResources,
  kCollection,
  kObject,
  kStatus,
  kLog
};

struct Target {
  TargetKind type = TargetKind::kHealth;
  const resource::KindInfo* kind = nullptr;  // Of a collection, an object, its status or log.
  std::string ns;                            // "": all namespaces, or a kind without them.
  std::string name;
};

// `path` as on the wire, percent-encoded.
Result<Target> parse_target(std::string_view path);
// The path of an object or, with an empty name, of its collection.
std::string path_of_object(const resource::KindInfo& kind, std::string_view ns, std::string_view name);

struct Query {
  bool watch = false;
  bool bookmarks = false;  // allowWatchBookmarks
  bool follow = false;     // Of a log.
  std::string resource_version;
  std::string selector_text;
  resource::LabelSelector selector;
  std::string name;  // fieldSelector=metadata.name
  std::string ns;    // fieldSelector=metadata.namespace
  std::size_t limit = 0;
  std::string continue_token;
  std::optional<Duration> timeout;  // timeoutSeconds of a watch.
  std::string run;                  // Of a log: this run instead of the latest.
};

// Parameters that change what is done and that we do not know (dryRun, …) are refused; those about form (pretty,
// fieldManager, …) are ignored.
Result<Query> parse_query(std::string_view query);

}  // namespace remit::api
