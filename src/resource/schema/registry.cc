// Builds the schema of each kind once, and holds the conversions between objects and structs: the only place where
// describe() meets a visitor.
#include <array>
#include <utility>

#include "resource/kinds.h"
#include "resource/object.h"
#include "resource/schema/platform_fields.h"
#include "resource/schema/visitors.h"

namespace remit::resource {

const Schema* schema_of_kind(std::string_view kind) {
  static const std::array<std::pair<std::string_view, Schema>, 6> kSchemas = {{
      {Mission::kKind, SchemaBuilder::schema_of<Mission>()},
      {MissionClass::kKind, SchemaBuilder::schema_of<MissionClass>()},
      {Budget::kKind, SchemaBuilder::schema_of<Budget>()},
      {ToolServer::kKind, SchemaBuilder::schema_of<ToolServer>()},
      {ModelProvider::kKind, SchemaBuilder::schema_of<ModelProvider>()},
      {Approval::kKind, SchemaBuilder::schema_of<Approval>()},
  }};
  for (const auto& [name, schema] : kSchemas) {
    if (name == kind) return &schema;
  }
  return nullptr;
}

template <typename T>
Result<T> from_object(const Object& object, const SourceMap* source) {
  if (object.kind() != T::kKind) {
    return fail(
        invalid_argument("expected a " + std::string(T::kKind) + ", not a '" + std::string(object.kind()) + "'"));
  }
  Object checked = object;
  if (const auto problems = validate(checked, source ? *source : SourceMap()); !problems.empty())
    return fail(to_error(problems));
  T typed;
  Reader::object_to(checked.content(), typed);
  return typed;
}

template <typename T>
Object to_object(const T& typed) {
  json::object out;
  out["apiVersion"] = json::string(jsv(kApiVersion));
  out["kind"] = json::string(jsv(T::kKind));
  Writer writer(out);
  describe(writer, const_cast<T&>(typed));
  return Object(std::move(out));
}

#define REMIT_KIND(T)                                                 \
  template Result<T> from_object<T>(const Object&, const SourceMap*); \
  template Object to_object<T>(const T&)

REMIT_KIND(Mission);
REMIT_KIND(MissionClass);
REMIT_KIND(Budget);
REMIT_KIND(ToolServer);
REMIT_KIND(ModelProvider);
REMIT_KIND(Approval);

}  // namespace remit::resource
