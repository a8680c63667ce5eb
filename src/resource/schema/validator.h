// Validator: walks a JSON value along its schema, fills in defaults, and collects what is wrong. For one value, then
// thrown away.
#pragma once

#include <string>
#include <string_view>

#include "resource/problem.h"
#include "resource/schema/schema.h"
#include "resource/source_map.h"

namespace remit::resource {

class Validator {
 public:
  Validator(const SourceMap& source, Problems& problems) : source_(source), problems_(problems) {}

  void check(const Schema& schema, json::value& value, const std::string& path);
  // Returns false when no more problems are taken.
  bool add(const std::string& path, std::string message, std::string nearest = "");

 private:
  void check_object(const Schema& schema, json::value& value, const std::string& path);
  void check_unknown(const Schema& schema, const json::object& object, const std::string& path);
  void check_union(const Schema& schema, const json::object& object, const std::string& path);
  void check_groups(const Schema& schema, const json::object& object, const std::string& path);
  void check_list(const Schema& schema, json::value& value, const std::string& path);
  void check_list_keys(const Schema& schema, const json::array& list, const std::string& path);
  void check_map(const Schema& schema, const json::value& value, const std::string& path);
  void check_free_form(const json::value& value, const std::string& path);
  void check_leaf(const Schema& schema, const json::value& value, const std::string& path);
  void check_string(const Schema& schema, const json::value& value, const std::string& path);
  void check_enum(const Schema& schema, const json::value& value, const std::string& path);
  void check_number(const Schema& schema, const json::value& value, const std::string& path);
  void wrong_type(std::string_view expected, const json::value& value, const std::string& path);

  const SourceMap& source_;
  Problems& problems_;
};

// "the number 3", "a list", for messages.
std::string describe_value(const json::value& value);
// A bound or value in the unit of the type, as people write it: "15m", "512Mi", "0.50".
std::string format_bound(FieldType type, std::int64_t number);
// The number behind a bool-less leaf in the unit of its type; an error says what was expected.
Result<std::int64_t> number_of(FieldType type, const json::value& value);

}  // namespace remit::resource
