// What every object has: metadata, and the conditions of its status. Plain values. Names of members on the wire are
// those of Kubernetes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace remit::resource {

inline constexpr std::string_view kGroup = "remit.dev";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "remit.dev/v1alpha1";
inline constexpr std::string_view kDefaultNamespace = "default";

struct OwnerReference {
  std::string api_version, kind, name, uid;
  std::optional<bool> controller, block_owner_deletion;
  friend bool operator==(const OwnerReference&, const OwnerReference&) = default;
};

struct ObjectMeta {
  std::string name;
  std::string generate_name;
  std::string ns;                  // "namespace"; "" for a kind without namespaces.
  std::string uid;                 // Given by the store, as are the next four.
  std::string resource_version;    // Opaque; of one store only.
  std::int64_t generation = 0;     // Counts changes of spec.
  std::string creation_timestamp;  // RFC 3339
  std::string deletion_timestamp;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> finalizers;
  std::vector<OwnerReference> owner_references;
  friend bool operator==(const ObjectMeta&, const ObjectMeta&) = default;
};

enum class ConditionStatus : std::uint8_t { kTrue, kFalse, kUnknown };

struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::int64_t observed_generation = 0;
  std::string last_transition_time;  // RFC 3339
  std::string reason;                // CamelCase
  std::string message;
  friend bool operator==(const Condition&, const Condition&) = default;
};

// Sets the condition of that type; lastTransitionTime moves only when the status does.
void set_condition(std::vector<Condition>& conditions, Condition condition, std::string now_rfc3339);
const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);

struct NameRef {
  std::string name;
  friend bool operator==(const NameRef&, const NameRef&) = default;
};

// Where a secret is read from at the last moment; exactly one member is set.
struct SecretRef {
  std::string env;   // Name of an environment variable of the daemon.
  std::string file;  // Path of a file whose first line is the secret.
  friend bool operator==(const SecretRef&, const SecretRef&) = default;
};

}  // namespace remit::resource
