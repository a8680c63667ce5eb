// The limits of this module. A text over one of them is refused with a message that names the limit; nothing is cut off
// silently.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace remit::resource::limits {

// Manifests: what one text may hold.
inline constexpr std::size_t kManifestBytes = 4u << 20;  // One file or one text, all its documents.
inline constexpr std::size_t kDocumentBytes = 1u << 20;  // Keys and scalars of one document, aliases expanded.
inline constexpr std::size_t kManifestDepth = 32;        // Nested maps and lists.
inline constexpr std::size_t kManifestNodes = 50'000;    // Scalars, maps and lists of one document, aliases expanded.
inline constexpr std::size_t kManifestDocuments = 100;
inline constexpr std::size_t kYamlAliases = 100;  // Of one document.
inline constexpr std::size_t kProblems = 50;      // Collected before a reader gives up.

// Fields.
inline constexpr std::size_t kGoalBytes = 64u << 10;
inline constexpr std::size_t kTextBytes = 4096;  // A string that has no limit of its own.
inline constexpr std::size_t kListItems = 256;   // A list or map that has no limit of its own.
inline constexpr std::size_t kChecks = 32;
inline constexpr std::size_t kRules = 256;
inline constexpr std::size_t kEgress = 256;
inline constexpr std::size_t kConditionBytes = 4096;  // `when` of a rule.
inline constexpr std::size_t kNameBytes = 253;        // DNS-1123 subdomain: metadata.name.
inline constexpr std::size_t kLabelBytes = 63;        // DNS-1123 label: namespaces and names inside an object.
inline constexpr std::size_t kToolsPerServer = 256;
inline constexpr std::size_t kAnnotationBytes = 256u << 10;  // All annotations of one object, as in Kubernetes.
inline constexpr std::size_t kFreeFormBytes = 256u << 10;    // A member of free form: args, inputSchema.

// The store.
inline constexpr std::size_t kObjectBytes = 1536u << 10;  // One stored object as JSON, as in etcd.
inline constexpr std::size_t kStoreQueue = 1024;          // Requests that wait for the store's thread.
inline constexpr std::size_t kStoreBatch = 64;            // Requests in one transaction.
inline constexpr std::int64_t kEventHistory = 10'000;     // Events that a watch can go back.
inline constexpr std::size_t kWatches = 256;              // Open watches of one store.
inline constexpr std::size_t kWatchBuffer = 1024;         // Events that wait in one watch; more end it as expired.
inline constexpr std::size_t kListPage = 5000;        // Objects in one answer of list(), also when more are asked for.
inline constexpr std::size_t kListBytes = 64u << 20;  // The same, in bytes of JSON; the page ends earlier.
inline constexpr std::size_t kListAll = 100'000;      // Objects that list_all() gathers.
inline constexpr std::size_t kWatchBacklog = 10'000;  // Objects or events that a new watch begins with.
inline constexpr int kNameTries = 8;                  // Random suffixes tried for a generateName.
inline constexpr std::int64_t kBookmarkEvery = 500;   // Versions that pass a watch by before it gets a bookmark.
inline constexpr std::size_t kSelectorRequirements = 32;
inline constexpr std::chrono::milliseconds kStorePoll{75};  // How soon a watch sees what another process wrote.

}  // namespace remit::resource::limits
