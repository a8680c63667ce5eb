#include "api/detail/discovery.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "resource/kinds.h"
#include "resource/meta.h"

namespace remit::api::detail {

namespace {

json::object resource_entry(const resource::KindInfo& kind, std::string name, json::array verbs) {
  return {{"name", name},
          {"singularName", ""},
          {"namespaced", kind.namespaced},
          {"kind", jsv(kind.kind)},
          {"verbs", std::move(verbs)}};
}

}  // namespace

json::object core_versions() { return {{"kind", "APIVersions"}, {"versions", json::array()}}; }

json::object group() {
  const json::object version{{"groupVersion", jsv(resource::kApiVersion)}, {"version", jsv(resource::kVersion)}};
  return {{"kind", "APIGroup"},
          {"apiVersion", "v1"},
          {"name", jsv(resource::kGroup)},
          {"versions", json::array{version}},
          {"preferredVersion", version}};
}

json::object group_list() {
  json::object only = group();
  only.erase("kind"), only.erase("apiVersion");
  return {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", json::array{std::move(only)}}};
}

json::object resource_list() {
  json::array resources;
  for (const auto& kind : resource::kinds()) {
    json::object entry =
        resource_entry(kind, std::string(kind.plural), {"create", "delete", "get", "list", "patch", "update", "watch"});
    entry["singularName"] = jsv(kind.singular);
    if (!kind.short_name.empty()) entry["shortNames"] = json::array{jsv(kind.short_name)};
    resources.push_back(std::move(entry));
    resources.push_back(resource_entry(kind, fmt::format("{}/status", kind.plural), {"patch", "update"}));
    if (kind.kind == "Mission") resources.push_back(resource_entry(kind, fmt::format("{}/log", kind.plural), {"get"}));
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", jsv(resource::kApiVersion)},
          {"resources", std::move(resources)}};
}

json::object version_info() {
  const auto numbers = split(REMIT_VERSION, '.');
  return {{"major", jsv(numbers[0])},
          {"minor", numbers.size() > 1 ? jsv(numbers[1]) : "0"},
          {"gitVersion", "v" REMIT_VERSION},
          {"platform", "linux"}};
}

}  // namespace remit::api::detail
