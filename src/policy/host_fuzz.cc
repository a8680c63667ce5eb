// Any text as a host, a host with a port, a URL and a pattern: what is accepted reads back as itself.
#include "policy/host.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit::policy;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto host = parse_host(input)) {
    const auto written = host->kind == Host::Kind::kIpv6 ? "[" + host->text + "]" : host->text;
    const auto again = parse_host(written);
    if (!again || *again != *host) __builtin_trap();
  }
  for (const auto& target : {parse_host_port(input, 443), parse_http_target(input)}) {
    if (!target) continue;
    const auto again = parse_host_port(target->to_string());
    if (!again || *again != *target) __builtin_trap();
  }
  if (const auto pattern = HostPattern::parse(input)) {
    if (pattern->to_string() == "*") __builtin_trap();
  }
  return 0;
}
