// Any bytes as a duration, quantity or label selector: no crash, and what is read is written and read back the same.
#include <cstdlib>
#include <string_view>

#include "resource/quantity.h"
#include "resource/selector.h"

using namespace remit;
using namespace remit::resource;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Several parts of five digits can add up to more than one part can say; then the largest duration is written.
  if (const auto duration = parse_duration(text); duration && *duration <= std::chrono::hours(99999)) {
    if (parse_duration(format_duration(*duration)) != *duration) std::abort();
  }
  if (const auto bytes = parse_bytes(text); bytes && parse_bytes(format_bytes(*bytes)) != *bytes) std::abort();
  if (const auto cpu = parse_cpu(text); cpu && parse_cpu(format_cpu(*cpu)) != *cpu) std::abort();
  if (const auto selector = LabelSelector::parse(text)) (void)selector->matches({{"a", "b"}});
  return 0;
}
