#include "sandbox/tier/spawner_image.h"

__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "remit_spawner_begin:\n"
    ".incbin \"" REMIT_SPAWNER_PATH
    "\"\n"
    "remit_spawner_end:\n"
    ".popsection\n");

extern "C" const char remit_spawner_begin[] __attribute__((visibility("hidden")));
extern "C" const char remit_spawner_end[] __attribute__((visibility("hidden")));

namespace remit::sandbox {

std::string_view spawner_image() {
  return {remit_spawner_begin, static_cast<std::size_t>(remit_spawner_end - remit_spawner_begin)};
}

}  // namespace remit::sandbox
