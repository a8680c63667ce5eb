#include "resource/crd.h"

#include <fmt/format.h>

#include "resource/kinds.h"
#include "resource/manifest.h"
#include "resource/meta.h"
#include "resource/schema/schema_json.h"

namespace remit::resource {

namespace {

json::string text(std::string_view value) { return json::string(jsv(value)); }

json::value column(std::string_view name, std::string_view type, std::string_view path) {
  return json::object{{"name", text(name)}, {"type", text(type)}, {"jsonPath", text(path)}};
}

json::array columns_of(std::string_view kind) {
  json::array out;
  if (kind == "Mission") {
    out = {column("Phase", "string", ".status.phase"), column("Goal met", "boolean", ".status.goalMet"),
           column("Cost µ$", "integer", ".status.costMicroUSD"), column("Run", "string", ".status.runId")};
  } else if (kind == "Budget") {
    out = {column("Limit $", "string", ".spec.costUSD"), column("Spent µ$", "integer", ".status.spent.costMicroUSD")};
  } else if (kind == "ToolServer" || kind == "ModelProvider") {
    out = {column("Type", "string", ".spec.type")};
  } else if (kind == "Approval") {
    out = {column("Mission", "string", ".spec.missionRef.name"), column("Tool", "string", ".spec.action.tool"),
           column("Resource", "string", ".spec.action.resource"), column("Decision", "string", ".status.decision")};
  }
  out.push_back(column("Age", "date", ".metadata.creationTimestamp"));
  return out;
}

// While a run is under way the mission's own rules need status, which only the root sees.
json::array root_rules(std::string_view kind) {
  if (kind != "Mission") return {};
  return {json::object{{"rule",
                        "!has(oldSelf.status) || !has(oldSelf.status.phase) || !(oldSelf.status.phase in ['Preparing', "
                        "'Running', 'WaitingForApproval', "
                        "'Paused', 'Checking']) || self.spec.goal == oldSelf.spec.goal"},
                       {"message", "spec.goal cannot change while a run is under way; stop the mission first"}}};
}

json::object root_schema(std::string_view kind) {
  json::object out = schema_to_json(*schema_of_kind(kind), SchemaDialect::kOpenApi);
  auto& properties = out["properties"].get_object();
  // The API server looks after these three itself and refuses a schema for metadata.
  properties["apiVersion"] = json::object{{"type", "string"}};
  properties["kind"] = json::object{{"type", "string"}};
  properties["metadata"] = json::object{{"type", "object"}};
  out["required"] = json::array{"spec"};
  if (auto rules = root_rules(kind); !rules.empty()) out["x-kubernetes-validations"] = std::move(rules);
  return out;
}

}  // namespace

Result<json::object> crd(std::string_view kind) {
  const KindInfo* info = find_kind(kind);
  if (!info) return fail(not_found(fmt::format("there is no kind '{}'", kind)));
  json::object names{{"kind", text(info->kind)},
                     {"listKind", text(fmt::format("{}List", info->kind))},
                     {"plural", text(info->plural)},
                     {"singular", text(info->singular)},
                     {"shortNames", json::array{text(info->short_name)}},
                     {"categories", json::array{"remit"}}};
  json::object version{{"name", text(kVersion)}, {"served", true}, {"storage", true}};
  version["schema"] = json::object{{"openAPIV3Schema", root_schema(info->kind)}};
  version["subresources"] = json::object{{"status", json::object()}};
  version["additionalPrinterColumns"] = columns_of(info->kind);
  json::object spec{{"group", text(kGroup)},
                    {"scope", info->namespaced ? "Namespaced" : "Cluster"},
                    {"names", std::move(names)},
                    {"versions", json::array{std::move(version)}}};
  json::object out{{"apiVersion", "apiextensions.k8s.io/v1"}, {"kind", "CustomResourceDefinition"}};
  out["metadata"] = json::object{{"name", text(fmt::format("{}.{}", info->plural, kGroup))}};
  out["spec"] = std::move(spec);
  return out;
}

std::string crds_yaml() {
  std::string out;
  for (const auto& info : kinds()) {
    const auto made = crd(info.kind);
    if (made) out += "---\n" + to_yaml(*made);
  }
  return out;
}

Result<json::object> json_schema(std::string_view kind) {
  const KindInfo* info = find_kind(kind);
  if (!info) return fail(not_found(fmt::format("there is no kind '{}'", kind)));
  json::object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                   {"title", text(info->kind)},
                   {"description", text(info->doc)}};
  for (auto& member : schema_to_json(*schema_of_kind(info->kind), SchemaDialect::kJsonSchema))
    out[member.key()] = std::move(member.value());
  auto& properties = out["properties"].get_object();
  properties["apiVersion"] = json::object{{"const", text(kApiVersion)}};
  properties["kind"] = json::object{{"const", text(info->kind)}};
  return out;
}

}  // namespace remit::resource
