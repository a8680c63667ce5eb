// FieldSpec: what describe() tells about one field. The field's default is the value that its struct is constructed
// with.
#pragma once

#include <chrono>

#include "resource/schema/schema.h"

namespace remit::resource {

struct FieldSpec {
  std::string_view name, doc;
  bool is_required = false;
  bool fills_object = false;  // An optional member that is made, with its defaults, when absent.
  bool zero_is_absent = false;
  bool stays_absent = false;  // A struct that is not made when absent.
  Mutability mutability = Mutability::kFree;
  Schema bounds;

  FieldSpec required() const {
    return with([](FieldSpec& f) { f.is_required = true; });
  }
  FieldSpec fill() const {
    return with([](FieldSpec& f) { f.fills_object = true; });
  }
  FieldSpec zero_absent() const {
    return with([](FieldSpec& f) { f.zero_is_absent = true; });
  }
  FieldSpec keep_absent() const {
    return with([](FieldSpec& f) { f.stays_absent = true; });
  }
  FieldSpec fixed() const {
    return with([](FieldSpec& f) { f.mutability = Mutability::kFixed; });
  }
  FieldSpec fixed_in_run() const {
    return with([](FieldSpec& f) { f.mutability = Mutability::kFixedInRun; });
  }
  FieldSpec raise_in_run() const {
    return with([](FieldSpec& f) { f.mutability = Mutability::kRaiseInRun; });
  }
  FieldSpec format(Format format) const {
    return with([=](FieldSpec& f) { f.bounds.format = format; });
  }
  FieldSpec length(std::size_t least, std::size_t most) const {
    return with([=](FieldSpec& f) { f.bounds.min_length = least, f.bounds.max_length = most; });
  }
  FieldSpec items(std::size_t least, std::size_t most) const {
    return with([=](FieldSpec& f) { f.bounds.min_items = least, f.bounds.max_items = most; });
  }
  FieldSpec range(std::int64_t least, std::int64_t most) const {
    return with([=](FieldSpec& f) { f.bounds.min = least, f.bounds.max = most; });
  }
  FieldSpec range(std::chrono::nanoseconds least, std::chrono::nanoseconds most) const {
    return range(least.count(), most.count());
  }
  FieldSpec keyed_by(std::string_view key) const {
    return with([=](FieldSpec& f) { f.bounds.map_key = key; });
  }
  FieldSpec unique() const {
    return with([](FieldSpec& f) { f.bounds.unique = true; });
  }

 private:
  template <typename F>
  FieldSpec with(F change) const {
    FieldSpec copy = *this;
    change(copy);
    return copy;
  }
};

inline FieldSpec field(std::string_view name, std::string_view doc) {
  FieldSpec spec;
  spec.name = name, spec.doc = doc;
  return spec;
}

}  // namespace remit::resource
