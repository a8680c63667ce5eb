// CustomResourceDefinitions and JSON Schemas of the kinds, generated from the same field descriptions that validation
// uses. Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace remit::resource {

// apiextensions.k8s.io/v1 with a structural OpenAPI v3 schema, status as a subresource, printer columns.
Result<json::object> crd(std::string_view kind);
// All kinds, one document each.
std::string crds_yaml();
// JSON Schema 2020-12 of one kind, for editors.
Result<json::object> json_schema(std::string_view kind);

}  // namespace remit::resource
