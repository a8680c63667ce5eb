#include "resource/object.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/strings.h"
#include "resource/kinds.h"
#include "resource/mission.h"
#include "resource/names.h"
#include "resource/schema/schema.h"
#include "resource/schema/validator.h"

namespace remit::resource {

std::string_view Object::meta(std::string_view key) const {
  const auto* metadata = find_metadata();
  return metadata ? get_string(*metadata, key) : std::string_view();
}

void Object::set_meta(std::string_view key, std::string_view value) {
  if (value.empty()) {
    metadata().erase(jsv(key));
  } else {
    metadata()[jsv(key)] = json::string(jsv(value));
  }
}

json::object& Object::member(std::string_view key) {
  auto& value = content_[jsv(key)];
  if (!value.is_object()) value = json::object();
  return value.get_object();
}

std::int64_t Object::generation() const {
  const auto* metadata = find_metadata();
  return metadata ? get_int(*metadata, "generation") : 0;
}

std::map<std::string, std::string> Object::labels() const {
  std::map<std::string, std::string> out;
  const auto* metadata = find_metadata();
  const auto* labels = metadata ? find_object(*metadata, "labels") : nullptr;
  if (!labels) return out;
  for (const auto& member : *labels) {
    if (member.value().is_string()) out[std::string(member.key())] = std::string(member.value().get_string());
  }
  return out;
}

std::string_view Object::annotation(std::string_view key) const {
  const auto* metadata = find_metadata();
  const auto* annotations = metadata ? find_object(*metadata, "annotations") : nullptr;
  return annotations ? get_string(*annotations, key) : std::string_view();
}

static void set_entry(json::object& metadata, std::string_view map, std::string_view key, std::string_view value) {
  auto& entries = metadata[jsv(map)];
  if (!entries.is_object()) entries = json::object();
  entries.get_object()[jsv(key)] = json::string(jsv(value));
}

void Object::set_label(std::string_view key, std::string_view value) { set_entry(metadata(), "labels", key, value); }
void Object::set_annotation(std::string_view key, std::string_view value) {
  set_entry(metadata(), "annotations", key, value);
}

// The rules over more than one object level, which the schema does not express.
static void check_mission(const json::object& content, Validator& validator) {
  const auto* spec = find_object(content, "spec");
  const auto* agent = spec ? find_object(*spec, "agent") : nullptr;
  const auto* model = spec ? find_object(*spec, "model") : nullptr;
  if (agent && model && get_string(*agent, "type") == "Builtin" && !model->contains("name")) {
    validator.add("spec.model", "missing field 'name': the built-in agent needs a model; write model: {name: …}");
  }
}

static void check_metadata(Object& object, const KindInfo& info, Validator& validator) {
  if (!object.find_metadata()) return;
  if (object.name().empty() && object.find_metadata()->if_contains("generateName") == nullptr) {
    validator.add("metadata", "missing field 'name': a name, or generateName");
  }
  if (info.namespaced && object.ns().empty()) object.set_ns(kDefaultNamespace);
  if (!info.namespaced && !object.ns().empty()) {
    validator.add("metadata.namespace", fmt::format("a {} has no namespace; leave the field out", info.kind));
  }
}

// kind and apiVersion decide what else is looked at. nullptr: a problem was added.
static const KindInfo* identify(const Object& object, Validator& validator) {
  const auto kind = object.kind();
  const KindInfo* info = nullptr;
  for (const auto& candidate : kinds()) {
    if (candidate.kind == kind) info = &candidate;
  }
  if (kind.empty()) {
    validator.add("", fmt::format("missing field 'kind': one of {}", fmt::join(kind_names(), ", ")));
  } else if (!info) {
    validator.add(
        "kind",
        fmt::format("unknown kind '{}'; expected one of {}", printable(kind, 60), fmt::join(kind_names(), ", ")),
        std::string(nearest(kind, kind_names())));
  }
  if (object.api_version().empty()) {
    validator.add("", fmt::format("missing field 'apiVersion': {}", kApiVersion));
  } else if (object.api_version() != kApiVersion) {
    validator.add("apiVersion",
                  fmt::format("expected '{}', found '{}'", kApiVersion, printable(object.api_version(), 60)));
  }
  return info;
}

Problems validate(Object& object, const SourceMap& source) {
  Problems problems;
  Validator validator(source, problems);
  const KindInfo* info = identify(object, validator);
  if (!info) return problems;
  if (object.api_version().empty()) return problems;
  json::value content = std::move(object.content());
  validator.check(*schema_of_kind(info->kind), content, "");
  object.content() = std::move(content.get_object());
  check_metadata(object, *info, validator);
  if (info->kind == Mission::kKind) check_mission(object.content(), validator);
  return problems;
}

namespace {

// Compares two versions of an object along the schema.
class ChangeCheck {
 public:
  ChangeCheck(bool in_run, Validator& validator) : in_run_(in_run), validator_(validator) {}

  void compare(const Schema& schema, const json::object& before, const json::object& after, const std::string& path) {
    for (const auto& field : schema.fields) {
      const auto* old_value = find(before, field.name);
      const auto* new_value = find(after, field.name);
      if (!old_value && !new_value) continue;
      compare_field(field, old_value, new_value, join_path(path, field.name));
    }
  }

 private:
  static bool same(const json::value* a, const json::value* b) {
    return a && b && canonical_json(*a) == canonical_json(*b);
  }

  void compare_field(const Field& field, const json::value* before, const json::value* after, const std::string& path) {
    switch (field.mutability) {
      case Mutability::kFixed:
        if (!same(before, after)) validator_.add(path, "cannot change once the object is there; create a new one");
        return;
      case Mutability::kFixedInRun:
        if (in_run_ && !same(before, after)) {
          validator_.add(path, "cannot change while a run is under way; stop the mission first, or create another one");
        }
        return;
      case Mutability::kRaiseInRun:
        if (in_run_) compare_limit(field.schema.type, before, after, path);
        return;
      case Mutability::kFree:
        if (field.schema.type == FieldType::kObject && before && after && before->is_object() && after->is_object()) {
          compare(field.schema, before->get_object(), after->get_object(), path);
        }
        return;
    }
  }

  // An absent limit is no limit, so leaving one out raises it.
  void compare_limit(FieldType type, const json::value* before, const json::value* after, const std::string& path) {
    if (!after) return;
    const auto new_limit = number_of(type, *after);
    const auto old_limit = before ? number_of(type, *before) : Result<std::int64_t>(INT64_MAX);
    if (new_limit && old_limit && *new_limit >= *old_limit) return;
    validator_.add(path, "can only be raised while a run is under way; stop the mission to lower it");
  }

  bool in_run_;
  Validator& validator_;
};

bool run_under_way(const Object& object) {
  const auto* status = object.find_status();
  if (object.kind() != Mission::kKind || !status) return false;
  const auto phase = parse_enum<Phase>(get_string(*status, "phase"));
  return phase && is_active(*phase);
}

}  // namespace

Problems validate_update(const Object& old_object, const Object& new_object) {
  Problems problems;
  const SourceMap no_source;
  Validator validator(no_source, problems);
  const Schema* schema = schema_of_kind(old_object.kind());
  if (!schema || old_object.kind() != new_object.kind()) {
    validator.add("kind", "cannot change");
    return problems;
  }
  const Field* spec = schema->find("spec");
  const auto* before = old_object.find_spec();
  const auto* after = new_object.find_spec();
  if (!before || !after) return problems;
  ChangeCheck check(run_under_way(old_object), validator);
  check.compare(spec->schema, *before, *after, "spec");
  return problems;
}

}  // namespace remit::resource
