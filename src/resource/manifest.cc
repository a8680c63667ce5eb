#include "resource/manifest.h"

#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "base/file.h"
#include "resource/limits.h"
#include "resource/schema/schema.h"

namespace remit::resource {

static std::expected<std::vector<Document>, Problems> parse_documents(std::string_view text, const std::string& file) {
  if (file.ends_with(".json")) return parse_json_documents(text, file);
  const auto start = text.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && text[start] == '{') {
    // JSON in all likelihood; but "{apiVersion: …}" is YAML.
    if (auto documents = parse_json_documents(text, file)) return documents;
  }
  return parse_yaml(text, file);
}

// The lines below items[i] of a List, as a map of their own.
static SourceMap source_of_item(const SourceMap& list, std::size_t index) {
  const std::string prefix = join_path("items", index);
  SourceMap out(list.file());
  list.for_each([&](std::string_view path, int line) {
    if (!path.starts_with(prefix)) return;
    path.remove_prefix(prefix.size());
    if (path.empty() || path.front() == '.' || path.front() == '[')
      out.set(std::string(path.starts_with('.') ? path.substr(1) : path), line);
  });
  return out;
}

// A List (as `get -o yaml` prints) stands for its items.
static void expand(Document document, std::vector<Document>& out) {
  auto* object = document.value.if_object();
  auto* items = object ? object->if_contains("items") : nullptr;
  if (!items || !items->is_array() || !get_string(*object, "kind").ends_with("List"))
    return out.push_back(std::move(document));
  auto& list = items->get_array();
  for (std::size_t i = 0; i < list.size(); ++i) out.push_back({std::move(list[i]), source_of_item(document.source, i)});
}

static void load_one(Document document, std::vector<LoadedObject>& out, Problems& problems) {
  if (!document.value.is_object()) {
    problems.push_back({document.source.file(), document.source.line(""), "",
                        "expected an object with apiVersion, kind, metadata and spec", ""});
    return;
  }
  LoadedObject loaded{Object(std::move(document.value.get_object())), std::move(document.source)};
  auto found = validate(loaded.object, loaded.source);
  problems.insert(problems.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  out.push_back(std::move(loaded));
}

LoadResult load_manifests(std::string_view text, std::string file) {
  auto documents = parse_documents(text, file);
  if (!documents) return std::unexpected(std::move(documents).error());
  std::vector<Document> all;
  for (auto& document : *documents) expand(std::move(document), all);
  if (all.empty())
    return std::unexpected(
        Problems{{std::move(file), 0, "", "no object in it; expected apiVersion, kind, metadata and spec", ""}});
  if (all.size() > limits::kManifestDocuments) {
    return std::unexpected(
        Problems{{std::move(file), 0, "",
                  fmt::format("{} objects; at most {} are read", all.size(), limits::kManifestDocuments), ""}});
  }
  std::vector<LoadedObject> out;
  Problems problems;
  for (auto& document : all) {
    load_one(std::move(document), out, problems);
    if (problems.size() >= limits::kProblems) break;
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return out;
}

static Result<std::string> read_standard_input() {
  std::string text(limits::kManifestBytes + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::cin.gcount()));
  if (std::cin.bad()) return fail(Code::kUnavailable, "standard input cannot be read");
  return text;
}

LoadResult load_manifest_file(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : path;
  const auto text = path == "-" ? read_standard_input() : read_file(path, limits::kManifestBytes);
  if (!text) return std::unexpected(Problems{{name, 0, "", text.error().to_string(), ""}});
  return load_manifests(*text, name);
}

}  // namespace remit::resource
