// What a text must be before any reader looks at it: within limits::kManifestBytes, valid UTF-8, no control characters
// but tab and line ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "resource/problem.h"

namespace remit::resource {

std::optional<Problem> check_text(std::string_view text, const std::string& file);
// Of the byte at `offset`, counted from 1.
int line_at(std::string_view text, std::size_t offset);

}  // namespace remit::resource
