// The spawner program's bytes, as the build made them.
#pragma once

#include <string_view>

namespace remit::sandbox {

std::string_view spawner_image();

}  // namespace remit::sandbox
