// Patterns of workspace.hide: the first line is a path, the others are patterns.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "sandbox/workspace/hide_rules.h"
#include "sandbox/workspace/layer_walk.h"
#include "sandbox/workspace/open_beneath.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace remit::sandbox;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lines = remit::split(text, '\n');
  std::vector<std::string> patterns(lines.begin() + 1, lines.end());
  const auto path = normal_path(lines[0]);
  if (path && *path != "" && (normal_path(*path) != *path || path->find("..") == 0)) {
    // Only a name that begins with two dots and goes on may stand at the front.
    if (*path == ".." || path->starts_with("../")) std::abort();
  }
  (void)unfit_target("a/b/c", lines[0]);
  const auto rules = HideRules::parse(patterns);
  if (!rules || !path) return 0;
  // What lies in a hidden folder is hidden.
  if (rules->hidden(*path) && !rules->hidden(*path + "/below")) std::abort();
  return 0;
}
