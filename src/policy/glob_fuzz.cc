// The first line is a pattern, the rest a name: what is accepted stays the same when it is read again, and never takes
// long.
#include "policy/glob.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit::policy;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line = input.find('\n');
  const auto pattern = input.substr(0, line), name = line == std::string_view::npos ? "" : input.substr(line + 1);
  if (name.size() > 4096) return 0;
  if (const auto glob = PathGlob::parse(pattern)) {
    const auto again = PathGlob::parse(glob->text());
    if (!again || again->matches(name) != glob->matches(name)) __builtin_trap();
    if (glob->matches(name) && !glob->covers(name)) __builtin_trap();
  }
  if (const auto glob = ToolGlob::parse(pattern)) {
    const auto again = ToolGlob::parse(glob->text());
    if (!again || again->matches(name) != glob->matches(name)) __builtin_trap();
  }
  return 0;
}
