// Any bytes as a YAML manifest: no crash, and what is read is written and read back the same.
#include <cstdlib>
#include <string_view>

#include "resource/manifest.h"

using namespace remit;
using namespace remit::resource;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = parse_yaml(text, "fuzz.yaml");
  if (documents) {
    for (const auto& document : *documents) {
      const auto again = parse_yaml(to_yaml(document.value));
      // A document at the limit can be over it when written out; then it is refused, not changed.
      if (again && (again->size() != 1 || canonical_json(again->front().value) != canonical_json(document.value)))
        std::abort();
    }
  }
  const auto loaded = load_manifests(text, "fuzz.yaml");
  if (!loaded && loaded.error().empty()) std::abort();
  if (!loaded) return 0;
  for (const auto& [object, source] : *loaded) {
    Object checked = object;
    if (!validate(checked).empty() || checked != object) std::abort();
  }
  return 0;
}
