// Any bytes as a JSON manifest: no crash, and what is read is what the JSON library reads.
#include <cstdlib>
#include <string_view>

#include "resource/manifest.h"

using namespace remit;
using namespace remit::resource;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = parse_json_documents(text, "fuzz.json");
  if (documents && documents->size() == 1) {
    const auto expected = parse_json(text);
    if (!expected || canonical_json(*expected) != canonical_json(documents->front().value)) std::abort();
  }
  const auto loaded = load_manifests(text, "fuzz.json");
  if (!loaded && loaded.error().empty()) std::abort();
  return 0;
}
