// Any bytes as path and query: what is accepted as an object must give the same object again from its own path.
#include <cstdlib>

#include "api/target.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace remit::api;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto question = text.find('?');
  if (question != std::string_view::npos) (void)parse_query(text.substr(question + 1));
  const auto target = parse_target(text.substr(0, question));
  if (!target || (target->type != TargetKind::kCollection && target->type != TargetKind::kObject)) return 0;
  const auto again = parse_target(path_of_object(*target->kind, target->ns, target->name));
  if (!again || again->type != target->type || again->kind != target->kind || again->ns != target->ns ||
      again->name != target->name)
    std::abort();
  return 0;
}
