// The log of fingerprints: any bytes are parsed without harm, and what is understood survives being written again.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/strings.h"
#include "sandbox/workspace/base_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remit::sandbox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto check = [](std::string_view log) {
    const auto parsed = parse_base_log(log);
    if (!parsed) return;
    if (parsed->whole_bytes > log.size()) std::abort();
    std::string again(log.substr(0, log.substr(0, parsed->whole_bytes).find('\n') + 1));
    for (const auto& [path, fingerprint] : parsed->entries) again += base_log_line(path, fingerprint);
    const auto reparsed = parse_base_log(again);
    if (!reparsed || reparsed->entries.size() != parsed->entries.size()) std::abort();
    for (const auto& [path, fingerprint] : parsed->entries) {
      const auto at = reparsed->entries.find(path);
      if (at == reparsed->entries.end() || at->second.type != fingerprint.type ||
          at->second.sha256 != fingerprint.sha256)
        std::abort();
    }
  };
  check(text);
  // Most inputs fail their sums; these do not.
  std::string summed;
  const auto add = [&](std::string_view line) {
    summed += remit::sha256_hex(line).substr(0, 16) + " " + std::string(line) + "\n";
  };
  add(R"({"schema":"remit.base/v1","version":1})");
  for (const auto line : remit::split(text, '\n')) add(line);
  check(summed);
  return 0;
}
