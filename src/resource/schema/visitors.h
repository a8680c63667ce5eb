// The three visitors of describe(): SchemaBuilder (struct → Schema), Writer (struct → JSON) and Reader (validated JSON
// → struct).
//
// A visitor is called with (FieldSpec, member) for each field, and told of rules over several fields (union_of,
// at_least_one_of, …).
#pragma once

#include <initializer_list>
#include <optional>
#include <vector>

#include "resource/schema/field_spec.h"
#include "resource/schema/leaf.h"

namespace remit::resource {

// Readers and writers have no use for rules.
class NoRules {
 public:
  void union_of(std::string_view, std::initializer_list<UnionMember>) {}
  void at_least_one_of(std::initializer_list<std::string_view>) {}
  void exactly_one_of(std::initializer_list<std::string_view>) {}
  void accept(const FieldSpec&) {}
};

class Writer : public NoRules {
 public:
  explicit Writer(json::object& out) : out_(out) {}

  template <typename T>
  void operator()(const FieldSpec& spec, const T& value) {
    if (auto written = write(spec, value)) out_[jsv(spec.name)] = std::move(*written);
  }

  template <typename T>
  static json::object object_of(const T& value) {
    json::object out;
    Writer writer(out);
    describe(writer, const_cast<T&>(value));  // describe() names members for readers too; a Writer only looks.
    return out;
  }

 private:
  template <IsLeaf T>
  static std::optional<json::value> write(const FieldSpec& spec, const T& value) {
    if (Leaf<T>::is_empty(value)) return std::nullopt;
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (spec.zero_is_absent && value == 0) return std::nullopt;
    }
    return Leaf<T>::write(value);
  }
  template <typename T>
  static std::optional<json::value> write(const FieldSpec& spec, const std::optional<T>& value) {
    if (!value) return std::nullopt;
    return write(spec, *value);
  }
  template <typename T>
  static std::optional<json::value> write(const FieldSpec& spec, const std::vector<T>& list) {
    if (list.empty()) return std::nullopt;
    json::array out;
    out.reserve(list.size());
    for (const auto& item : list) {
      // An empty string is an item too, where write() would leave it out.
      if constexpr (IsLeaf<T>)
        out.push_back(Leaf<T>::write(item));
      else
        out.push_back(*write(spec, item));
    }
    return out;
  }
  template <typename T>
    requires(!IsLeaf<T>)
  static std::optional<json::value> write(const FieldSpec&, const T& value) {
    return object_of(value);
  }

  json::object& out_;
};

class Reader : public NoRules {
 public:
  explicit Reader(const json::object& from) : from_(from) {}

  template <typename T>
  void operator()(const FieldSpec& spec, T& to) {
    if (const auto* value = find(from_, spec.name)) read(*value, to);
  }

  template <typename T>
  static void object_to(const json::value& from, T& to) {
    if (!from.is_object()) return;
    Reader reader(from.get_object());
    describe(reader, to);
  }

 private:
  template <IsLeaf T>
  static void read(const json::value& from, T& to) {
    Leaf<T>::read(from, to);
  }
  template <typename T>
  static void read(const json::value& from, std::optional<T>& to) {
    if (!from.is_null()) read(from, to.emplace());
  }
  template <typename T>
  static void read(const json::value& from, std::vector<T>& to) {
    if (!from.is_array()) return;
    to.clear();
    for (const auto& item : from.get_array()) read(item, to.emplace_back());
  }
  template <typename T>
    requires(!IsLeaf<T>)
  static void read(const json::value& from, T& to) {
    object_to(from, to);
  }

  const json::object& from_;
};

class SchemaBuilder {
 public:
  explicit SchemaBuilder(Schema& object) : object_(object) { object_.type = FieldType::kObject; }

  template <typename T>
  void operator()(const FieldSpec& spec, const T& value) {
    Field made{spec.name, spec.doc, spec.is_required, spec.mutability, std::nullopt, build(spec, value)};
    if (!spec.is_required) made.default_value = default_of(spec, value);
    object_.fields.push_back(std::move(made));
  }

  void union_of(std::string_view discriminator, std::initializer_list<UnionMember> members) {
    object_.discriminator = discriminator;
    object_.union_members = members;
  }
  void at_least_one_of(std::initializer_list<std::string_view> names) { object_.at_least_one_of = names; }
  void exactly_one_of(std::initializer_list<std::string_view> names) { object_.exactly_one_of = names; }
  // A member that we take and keep but do not read.
  void accept(const FieldSpec& spec) {
    Field made{spec.name, spec.doc, false, Mutability::kFree, std::nullopt, spec.bounds};
    made.schema.type = FieldType::kFreeForm;
    object_.fields.push_back(std::move(made));
  }

  template <typename T>
  static Schema schema_of() {
    Schema made;
    SchemaBuilder builder(made);
    T initial{};
    describe(builder, initial);
    return made;
  }

 private:
  template <IsLeaf T>
  static Schema build(const FieldSpec& spec, const T&) {
    Schema made = spec.bounds;
    made.type = Leaf<T>::kType;
    if constexpr (HasWords<T>) made.words = Words<T>::kList;
    return made;
  }
  template <typename T>
  static Schema build(const FieldSpec& spec, const std::optional<T>&) {
    return build(spec, T{});
  }
  template <typename T>
  static Schema build(const FieldSpec& spec, const std::vector<T>&) {
    Schema made = spec.bounds;
    made.type = FieldType::kList;
    made.items.push_back(build(spec, T{}));
    return made;
  }
  template <typename T>
    requires(!IsLeaf<T>)
  static Schema build(const FieldSpec&, const T&) {
    return schema_of<T>();
  }

  template <IsLeaf T>
  static std::optional<json::value> default_of(const FieldSpec& spec, const T& value) {
    if (Leaf<T>::is_empty(value)) return std::nullopt;
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (spec.zero_is_absent && value == 0) return std::nullopt;
    }
    return Leaf<T>::write(value);
  }
  template <typename T>
  static std::optional<json::value> default_of(const FieldSpec& spec, const std::optional<T>&) {
    if (spec.fills_object) return json::object();
    return std::nullopt;
  }
  template <typename T>
  static std::optional<json::value> default_of(const FieldSpec&, const std::vector<T>&) {
    return std::nullopt;
  }
  template <typename T>
    requires(!IsLeaf<T>)
  static std::optional<json::value> default_of(const FieldSpec& spec, const T& value) {
    if (spec.stays_absent) return std::nullopt;
    return Writer::object_of(value);
  }

  Schema& object_;
};

}  // namespace remit::resource
