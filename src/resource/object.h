// Object: an object of any kind as JSON, the form that the store keeps and the API speaks. A plain value with
// accessors; conversion to and from the typed kinds.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"
#include "resource/meta.h"
#include "resource/problem.h"
#include "resource/source_map.h"

namespace remit::resource {

class Object {
 public:
  Object() = default;
  explicit Object(json::object content) : content_(std::move(content)) {}

  // All return "" or 0 for what is absent or has another type.
  std::string_view api_version() const { return get_string(content_, "apiVersion"); }
  std::string_view kind() const { return get_string(content_, "kind"); }
  std::string_view name() const { return meta("name"); }
  std::string_view ns() const { return meta("namespace"); }
  std::string_view uid() const { return meta("uid"); }
  std::string_view resource_version() const { return meta("resourceVersion"); }
  std::int64_t generation() const;
  bool is_deleting() const { return !meta("deletionTimestamp").empty(); }
  std::map<std::string, std::string> labels() const;
  std::string_view annotation(std::string_view key) const;

  void set_name(std::string_view name) { set_meta("name", name); }
  void set_ns(std::string_view ns) { set_meta("namespace", ns); }
  void set_resource_version(std::string_view version) { set_meta("resourceVersion", version); }
  void set_label(std::string_view key, std::string_view value);
  void set_annotation(std::string_view key, std::string_view value);

  json::object& metadata() { return member("metadata"); }
  json::object& spec() { return member("spec"); }
  json::object& status() { return member("status"); }
  // nullptr when absent.
  const json::object* find_metadata() const { return find_object(content_, "metadata"); }
  const json::object* find_spec() const { return find_object(content_, "spec"); }
  const json::object* find_status() const { return find_object(content_, "status"); }

  const json::object& content() const { return content_; }
  json::object& content() { return content_; }
  friend bool operator==(const Object&, const Object&) = default;

 private:
  std::string_view meta(std::string_view key) const;
  void set_meta(std::string_view key, std::string_view value);
  json::object& member(std::string_view key);

  json::object content_;
};

// T is one of the kinds. Fills in defaults and validates; the error holds every problem found, with lines when `source`
// is given.
template <typename T>
Result<T> from_object(const Object& object, const SourceMap* source = nullptr);
// Members that hold their default are written out; empty strings, lists and optionals are not.
template <typename T>
Object to_object(const T& typed);

// Fills in defaults (namespace included) and checks an object of any kind, unknown fields and duplicate list keys too.
// `source` gives the lines.
Problems validate(Object& object, const SourceMap& source = {});
// What may not change between two versions: while a run is under way (old.status.phase) only importance, desiredState
// and onExhausted may, and the limits of the budget upwards; the spec of an Approval never. Both must have been
// validated.
Problems validate_update(const Object& old_object, const Object& new_object);

}  // namespace remit::resource
