// SourceMap: the line at which each field of a document stands, so that a message can say "mission.yaml:21". A plain
// value.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace remit::resource {

// Field paths look like "spec.permissions.rules[0].when"; the document itself is "".
class SourceMap {
 public:
  SourceMap() = default;
  explicit SourceMap(std::string file) : file_(std::move(file)) {}

  const std::string& file() const { return file_; }  // As it was given; "" for a text without a file.
  void set(std::string path, int line) { lines_.insert_or_assign(std::move(path), line); }
  // The line of the field, or of the nearest one around it; counted from 1. 0 when nothing is known.
  int line(std::string_view path) const;
  // "mission.yaml:21"; the file alone or "" when no more is known.
  std::string place(std::string_view path) const;
  bool empty() const { return lines_.empty(); }
  // Calls f(path, line) for every field, in the order of the paths.
  template <typename F>
  void for_each(F f) const {
    for (const auto& [path, line] : lines_) f(std::string_view(path), line);
  }

  // For keeping beside a stored object.
  json::object to_json_object() const;
  static SourceMap from_json(const json::object& object);

 private:
  std::string file_;
  std::map<std::string, int, std::less<>> lines_;
};

// "spec" + "goal" → "spec.goal"; "" + "spec" → "spec". A key with a dot, bracket or space in it is written ["key"].
std::string join_path(std::string_view parent, std::string_view key);
std::string join_path(std::string_view parent, std::size_t index);

}  // namespace remit::resource
