// Manifests: YAML or JSON text with one or more objects of our kinds → validated objects. Errors name file, line,
// field, what was expected and the nearest known name, and come all together. Pure functions except
// load_manifest_file().
//
// YAML is 1.2 with the core schema (so "yes" is a string), without merge keys and foreign tags. A List (`kind: List`)
// is taken apart.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "resource/object.h"
#include "resource/problem.h"
#include "resource/source_map.h"

namespace remit::resource {

struct LoadedObject {
  Object object;     // Defaults filled in.
  SourceMap source;  // Lines of its fields.
};

using LoadResult = std::expected<std::vector<LoadedObject>, Problems>;

// `file` is for messages and the source maps; a name that ends in .json is read as strict JSON, anything else as YAML
// or JSON.
LoadResult load_manifests(std::string_view text, std::string file = "");
// "-" is standard input.
LoadResult load_manifest_file(const std::string& path);

// Documents as they are, without a schema: for tests and tools.
struct Document {
  json::value value;
  SourceMap source;
};
std::expected<std::vector<Document>, Problems> parse_yaml(std::string_view text, std::string file = "");
std::expected<std::vector<Document>, Problems> parse_json_documents(std::string_view text, std::string file = "");

// Block style, two spaces, members in the order they have; a string is quoted whenever any YAML reader (1.1 too) could
// take it for something else. parse_yaml(to_yaml(v)) gives v back.
std::string to_yaml(const json::value& value);

}  // namespace remit::resource
