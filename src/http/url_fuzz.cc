// Any bytes as a URL: what is accepted must read the same again from its own text.
#include <cstdlib>

#include "http/url.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit::http;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)parse_query(text);
  if (const auto decoded = percent_decode(text); decoded && percent_decode(percent_encode(*decoded)) != *decoded)
    std::abort();
  const auto url = parse_url(text);
  if (!url) return 0;
  const auto again = parse_url(url->to_string());
  if (!again || again->origin() != url->origin() || again->target != url->target) std::abort();
  if (!parse_authority(url->authority())) std::abort();
  return 0;
}
