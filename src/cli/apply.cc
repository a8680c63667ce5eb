#include "cli/apply.h"

#include <filesystem>

#include <fmt/format.h>

#include "serve/run.h"

namespace remit::cli {

Result<std::vector<resource::LoadedObject>> load_objects(const std::string& path, const std::string& ns) {
  auto loaded = resource::load_manifest_file(path);
  if (!loaded) return fail(resource::to_error(loaded.error()));
  for (auto& each : *loaded) {
    if (ns != resource::kDefaultNamespace && each.object.ns() == resource::kDefaultNamespace) each.object.set_ns(ns);
  }
  return std::move(*loaded);
}

Task<Result<resource::Object>> apply_object(resource::Store& store, resource::LoadedObject loaded) {
  if (!loaded.source.file().empty() && loaded.source.file() != "-") {
    std::error_code error;
    loaded.object.set_annotation(serve::kManifestAnnotation,
                                 std::filesystem::absolute(loaded.source.file(), error).lexically_normal().string());
  }
  loaded.object.set_annotation(serve::kSourceMapAnnotation, to_json(loaded.source.to_json_object()));
  auto existing = co_await store.get(resource::key_of(loaded.object));
  if (!existing && existing.error().code() == Code::kNotFound)
    co_return co_await store.create(std::move(loaded.object));
  if (!existing) co_return fail(existing.error());
  loaded.object.set_resource_version(existing->resource_version());
  co_return co_await store.update(std::move(loaded.object));
}

}  // namespace remit::cli
