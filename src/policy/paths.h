// One form for a path before any rule sees it. Lexical only: links are the workspace's matter, which resolves beneath
// its root. Any thread.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace remit::policy {

inline constexpr std::size_t kPathSegments = 256;
inline constexpr std::size_t kSegmentBytes = 255;

// The path relative to the workspace, without "./", doubled or trailing slashes: "a//./b/" → "a/b"; the workspace
// itself is ".". An absolute path inside `workspace_root` (how the agent sees it, "/workspace") is mapped; other
// absolute ones are refused, and so are a ".." that leads out, NUL, newline and other controls, invalid UTF-8, and a
// path or a segment that is too long. "~" and "$HOME" are ordinary characters.
Result<std::string> normalise_path(std::string_view path, std::string_view workspace_root);

// True when normalise_path would give the path back unchanged.
bool is_normalised_path(std::string_view path);

}  // namespace remit::policy
