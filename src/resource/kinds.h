// The kinds of remit.dev/v1alpha1 by name: for REST paths, the command line and the CRDs. Immutable; any thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace remit::resource {

struct KindInfo {
  std::string_view kind;        // "Mission"
  std::string_view plural;      // "missions"
  std::string_view singular;    // "mission"
  std::string_view short_name;  // "mis"
  bool namespaced = true;
  std::string_view doc;
};

std::span<const KindInfo> kinds();
// By kind, plural, singular or short name in any case; nullptr when unknown.
const KindInfo* find_kind(std::string_view name);
// For "did you mean": all kinds' names.
std::span<const std::string_view> kind_names();

}  // namespace remit::resource
