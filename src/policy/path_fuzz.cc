// Any bytes as a path: what is accepted is inside the workspace and in its one form.
#include "policy/paths.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit::policy;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto path = normalise_path(input, "/workspace");
  if (!path) return 0;
  const bool sound = is_normalised_path(*path) && !path->starts_with('/') && *path != ".." &&
                     !path->starts_with("../") && path->find("/../") == std::string::npos &&
                     path->find('\n') == std::string::npos;
  if (!sound) __builtin_trap();
  return 0;
}
