// Schema → OpenAPI v3 (structural, for CRDs) or JSON Schema 2020-12 (for editors). Pure functions.
#pragma once

#include "base/json.h"
#include "resource/schema/schema.h"

namespace remit::resource {

enum class SchemaDialect : std::uint8_t { kOpenApi, kJsonSchema };

json::object schema_to_json(const Schema& schema, SchemaDialect dialect);

}  // namespace remit::resource
