#include "resource/embedded/merge_patch.h"

namespace remit::resource {

void apply_merge_patch(json::value& target, const json::value& patch) {
  if (!patch.is_object()) {
    target = patch;
    return;
  }
  if (!target.is_object()) target = json::object();
  auto& object = target.get_object();
  for (const auto& member : patch.get_object()) {
    if (member.value().is_null()) {
      object.erase(member.key());
    } else {
      apply_merge_patch(object[member.key()], member.value());
    }
  }
}

}  // namespace remit::resource
