#include "resource/source_map.h"

#include <fmt/format.h>

#include <algorithm>

namespace remit::resource {

static bool is_plain_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '$';
  });
}

std::string join_path(std::string_view parent, std::string_view key) {
  if (!is_plain_key(key)) return fmt::format("{}[\"{}\"]", parent, key);
  return parent.empty() ? std::string(key) : fmt::format("{}.{}", parent, key);
}

std::string join_path(std::string_view parent, std::size_t index) { return fmt::format("{}[{}]", parent, index); }

// "a.b[2]" → "a.b" → "a" → "".
static std::string_view parent_of(std::string_view path) {
  const std::size_t quoted = path.ends_with("\"]") ? path.rfind("[\"") : std::string_view::npos;
  if (quoted != std::string_view::npos) return path.substr(0, quoted);
  const auto end = path.find_last_of(".[");
  return end == std::string_view::npos ? std::string_view() : path.substr(0, end);
}

int SourceMap::line(std::string_view path) const {
  for (;; path = parent_of(path)) {
    if (const auto found = lines_.find(path); found != lines_.end()) return found->second;
    if (path.empty()) return 0;
  }
}

std::string SourceMap::place(std::string_view path) const {
  const int found = line(path);
  if (found == 0) return file_;
  return file_.empty() ? fmt::format("line {}", found) : fmt::format("{}:{}", file_, found);
}

json::object SourceMap::to_json_object() const {
  json::object lines;
  for (const auto& [path, number] : lines_) lines[jsv(path)] = number;
  json::object out;
  out["file"] = json::string(jsv(file_));
  out["lines"] = std::move(lines);
  return out;
}

SourceMap SourceMap::from_json(const json::object& object) {
  SourceMap out{std::string(get_string(object, "file"))};
  if (const auto* lines = find_object(object, "lines")) {
    for (const auto& member : *lines) {
      if (const auto* number = member.value().if_int64()) out.set(std::string(member.key()), static_cast<int>(*number));
    }
  }
  return out;
}

}  // namespace remit::resource
