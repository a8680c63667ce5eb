// Schema: the description of a kind as data, made once from describe() (see *_fields.h). Validation, defaulting,
// messages, CRDs and JSON Schemas all walk it. Immutable once built.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/limits.h"

namespace remit::resource {

enum class FieldType : std::uint8_t {
  kString,
  kBool,
  kInt,
  kEnum,
  kDuration,
  kBytes,
  kCpu,
  kMoney,
  kObject,
  kList,
  kMap,
  kFreeForm,
};

// What a string holds; checked by schema/formats.cc, which also gives the pattern for CRDs.
enum class Format : std::uint8_t {
  kText,
  kLine,
  kDnsLabel,
  kDnsSubdomain,
  kPath,
  kRelativeGlob,
  kToolName,
  kToolGlob,
  kHost,
  kHttpUrl,
  kEnvName,
  kRunId,
  kTraceId,
  kSha256,
  kTimestamp,
  kLabelKey,
  kLabelValue,
  kQualifiedName,
};

enum class Mutability : std::uint8_t {
  kFree,
  kFixed,       // Never changes after creation.
  kFixedInRun,  // Not while a run is under way.
  kRaiseInRun,  // While a run is under way it can only be raised.
};

struct Field;

struct UnionMember {
  std::string_view word;
  std::string_view member;
};

struct Schema {
  FieldType type = FieldType::kObject;
  Format format = Format::kText;
  std::size_t min_length = 0;  // Bytes of a string; of each one in a list of strings.
  std::size_t max_length = limits::kTextBytes;
  std::size_t min_items = 0;
  std::size_t max_items = limits::kListItems;
  std::optional<std::int64_t> min, max;     // In the unit of the type: 1, nanoseconds, bytes, milli-cores, micro-USD.
  std::span<const std::string_view> words;  // kEnum
  std::vector<Field> fields;                // kObject
  std::vector<Schema> items;                // kList: exactly one
  std::string_view map_key;                 // kList of objects: the field that names an item.
  bool unique = false;                      // kList of strings: no string twice.
  std::string_view
      discriminator;  // kObject: a union; the member of the discriminator's word is required, the others are refused.
  std::vector<UnionMember> union_members;
  std::vector<std::string_view> at_least_one_of;
  std::vector<std::string_view> exactly_one_of;

  const Field* find(std::string_view name) const;
};

struct Field {
  std::string_view name, doc;
  bool required = false;
  Mutability mutability = Mutability::kFree;
  std::optional<json::value> default_value;
  Schema schema;
};

// The schema of one kind's whole object (apiVersion, kind, metadata, spec, status); nullptr for an unknown kind.
const Schema* schema_of_kind(std::string_view kind);

std::string_view format_pattern(Format format);      // An RE2 and ECMA expression, "" when there is none.
std::string_view format_expectation(Format format);  // "a DNS-1123 label: …", for messages.
bool matches_format(Format format, std::string_view text);

}  // namespace remit::resource
