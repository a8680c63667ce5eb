#include "resource/schema/schema_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "resource/schema/validator.h"

namespace remit::resource {

namespace {

json::string text(std::string_view value) { return json::string(jsv(value)); }

// GEP-2257 and Kubernetes' quantities; our own parsers say the rest.
constexpr std::string_view kDurationPattern = "^([0-9]{1,5}(h|m|s|ms)){1,4}$";
constexpr std::string_view kQuantityPattern =
    "^[0-9]+(\\.[0-9]*)?([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{1,2})?$|^\\.[0-9]+([numkMGTPE]|[KMGTPE]i|[eE][-+]?[0-9]{"
    "1,2})?$";
constexpr std::string_view kMoneyPattern = "^[0-9]{1,10}(\\.[0-9]{1,6})?$";

class Converter {
 public:
  explicit Converter(SchemaDialect dialect) : openapi_(dialect == SchemaDialect::kOpenApi) {}

  json::object convert(const Schema& schema) const {
    switch (schema.type) {
      case FieldType::kString: return string(schema);
      case FieldType::kBool: return {{"type", "boolean"}};
      case FieldType::kInt: return integer(schema);
      case FieldType::kEnum: return enumeration(schema);
      case FieldType::kDuration: return patterned(kDurationPattern, 64);
      case FieldType::kMoney: return patterned(kMoneyPattern, 17);
      case FieldType::kBytes:
      case FieldType::kCpu: return quantity();
      case FieldType::kObject: return object(schema);
      case FieldType::kList: return list(schema);
      case FieldType::kMap: return map(schema);
      case FieldType::kFreeForm: return free_form();
    }
    return {};
  }

 private:
  static json::object patterned(std::string_view pattern, std::int64_t most) {
    return {{"type", "string"}, {"pattern", text(pattern)}, {"maxLength", most}};
  }

  static json::object string(const Schema& schema) {
    json::object out{{"type", "string"}};
    if (schema.min_length > 0) out["minLength"] = schema.min_length;
    out["maxLength"] = schema.max_length;  // Ours counts bytes, theirs characters: theirs is never the stricter one.
    // An empty string is as good as an absent one where no length is demanded, so no pattern may refuse it.
    if (const auto pattern = format_pattern(schema.format);
        !pattern.empty() && (schema.min_length > 0 || schema.format == Format::kLine)) {
      out["pattern"] = text(pattern);
    }
    if (schema.format == Format::kTimestamp) out["format"] = "date-time";
    return out;
  }

  json::object integer(const Schema& schema) const {
    json::object out{{"type", "integer"}};
    if (openapi_) out["format"] = "int64";
    if (schema.min) out["minimum"] = *schema.min;
    if (schema.max && *schema.max != INT64_MAX) out["maximum"] = *schema.max;
    return out;
  }

  static json::object enumeration(const Schema& schema) {
    json::array words;
    for (const auto word : schema.words) words.push_back(text(word));
    return {{"type", "string"}, {"enum", std::move(words)}};
  }

  json::object quantity() const {
    json::array choices{json::object{{"type", "integer"}}, json::object{{"type", "string"}}};
    json::object out{{"anyOf", std::move(choices)}, {"pattern", text(kQuantityPattern)}};
    if (openapi_) out["x-kubernetes-int-or-string"] = true;
    return out;
  }

  json::object free_form() const {
    json::object out{{"type", "object"}};
    if (openapi_) out["x-kubernetes-preserve-unknown-fields"] = true;
    return out;
  }

  json::object map(const Schema& schema) const {
    json::object values{{"type", "string"}, {"maxLength", schema.max_length}};
    return {{"type", "object"}, {"additionalProperties", std::move(values)}, {"maxProperties", schema.max_items}};
  }

  json::object list(const Schema& schema) const {
    json::object out{{"type", "array"}, {"items", convert(schema.items.front())}, {"maxItems", schema.max_items}};
    if (schema.min_items > 0) out["minItems"] = schema.min_items;
    if (openapi_ && !schema.map_key.empty()) {
      out["x-kubernetes-list-type"] = "map";
      out["x-kubernetes-list-map-keys"] = json::array{text(schema.map_key)};
    } else if (openapi_ && schema.unique) {
      out["x-kubernetes-list-type"] = "set";
    } else if (openapi_) {
      out["x-kubernetes-list-type"] = "atomic";
    } else if (schema.unique) {
      out["uniqueItems"] = true;
    }
    return out;
  }

  json::object object(const Schema& schema) const {
    json::object properties;
    json::array required;
    for (const auto& field : schema.fields) {
      if (field.required) required.push_back(text(field.name));
      properties[jsv(field.name)] = property(field);
    }
    json::object out{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) out["required"] = std::move(required);
    if (!openapi_) {
      out["additionalProperties"] = false;
    } else if (auto rules = rules_of(schema); !rules.empty()) {
      out["x-kubernetes-validations"] = std::move(rules);
    }
    return out;
  }

  json::object property(const Field& field) const {
    json::object out;
    if (!field.doc.empty()) out["description"] = text(field.doc);
    for (auto& member : convert(field.schema)) out[member.key()] = std::move(member.value());
    if (field.default_value) out["default"] = *field.default_value;
    if (openapi_ && field.mutability == Mutability::kFixed) {
      out["x-kubernetes-validations"] =
          json::array{rule("self == oldSelf", fmt::format("{} cannot change once the object is there", field.name))};
    }
    return out;
  }

  static json::value rule(std::string_view expression, std::string_view message) {
    return json::object{{"rule", text(expression)}, {"message", text(message)}};
  }

  // The rules over several fields, in CEL.
  static json::array rules_of(const Schema& schema) {
    json::array out;
    for (const auto& [word, member] : schema.union_members) {
      out.push_back(rule(fmt::format("(self.{} == '{}') == has(self.{})", schema.discriminator, word, member),
                         fmt::format("{} goes with {} {}, and that needs it", member, schema.discriminator, word)));
    }
    const auto present = [](const std::vector<std::string_view>& names, std::string_view form) {
      std::vector<std::string> terms;
      for (const auto name : names) terms.push_back(fmt::format(fmt::runtime(form), name));
      return terms;
    };
    if (!schema.at_least_one_of.empty()) {
      out.push_back(rule(fmt::format("{}", fmt::join(present(schema.at_least_one_of, "has(self.{})"), " || ")),
                         fmt::format("expected at least one of {}", fmt::join(schema.at_least_one_of, ", "))));
    }
    if (!schema.exactly_one_of.empty()) {
      out.push_back(
          rule(fmt::format("{} == 1", fmt::join(present(schema.exactly_one_of, "(has(self.{}) ? 1 : 0)"), " + ")),
               fmt::format("expected exactly one of {}", fmt::join(schema.exactly_one_of, ", "))));
    }
    return out;
  }

  bool openapi_;
};

}  // namespace

json::object schema_to_json(const Schema& schema, SchemaDialect dialect) { return Converter(dialect).convert(schema); }

}  // namespace remit::resource
