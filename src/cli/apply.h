// Putting objects from files into a store: what `apply`, `run` and `validate` share.
#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "resource/manifest.h"
#include "resource/store.h"

namespace remit::cli {

// Loads a file and gives objects without a namespace `ns`. Problems are in the error, one a line.
Result<std::vector<resource::LoadedObject>> load_objects(const std::string& path, const std::string& ns);

// Creates the object or replaces spec and labels of the one that is there. The object gets the annotations that tell
// where it came from.
Task<Result<resource::Object>> apply_object(resource::Store& store, resource::LoadedObject loaded);

}  // namespace remit::cli
