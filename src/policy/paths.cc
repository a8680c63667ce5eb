#include "policy/paths.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace remit::policy {

static bool has_control(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 || c == 0x7f) return true;
    // U+0080 to U+009F, and the marks that reorder text on a screen (U+202A to U+202E, U+2066 to U+2069).
    const auto at = [&](std::size_t k) { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0U; };
    if (c == 0xc2 && at(1) >= 0x80 && at(1) < 0xa0) return true;
    if (c == 0xe2 && at(1) == 0x80 && at(2) >= 0xaa && at(2) <= 0xae) return true;
    if (c == 0xe2 && at(1) == 0x81 && at(2) >= 0xa6 && at(2) <= 0xa9) return true;
  }
  return false;
}

static Result<> check_text(std::string_view path) {
  const auto refuse = [&](Code code, std::string_view why) {
    return fail(code, fmt::format("the path '{}' {}", printable(path, 120), why));
  };
  if (path.empty()) return fail(Code::kInvalidArgument, "the path is empty");
  if (path.size() > limits::kPathBytes)
    return refuse(Code::kResourceExhausted, fmt::format("has more than {} bytes (kPathBytes)", limits::kPathBytes));
  if (!is_valid_utf8(path)) return refuse(Code::kInvalidArgument, "is not valid UTF-8");
  if (has_control(path))
    return refuse(Code::kInvalidArgument, "holds a NUL, a line break or another control character");
  return {};
}

// What is left of an absolute path below the root; an error outside of it.
static Result<std::string_view> below_root(std::string_view path, std::string_view root) {
  while (root.ends_with('/')) root.remove_suffix(1);
  std::string_view rest = path;
  while (rest.starts_with("//")) rest.remove_prefix(1);
  const bool inside =
      !root.empty() && rest.starts_with(root) && (rest.size() == root.size() || rest[root.size()] == '/');
  if (!inside) {
    return fail(Code::kPermissionDenied,
                fmt::format("the path '{}' is outside of the workspace{}; use a path relative to it",
                            printable(path, 120), root.empty() ? "" : fmt::format(" {}", root)));
  }
  return rest.substr(root.size());
}

Result<std::string> normalise_path(std::string_view path, std::string_view workspace_root) {
  REMIT_CHECK_OK(check_text(path));
  std::string_view relative = path;
  if (path.starts_with('/')) {
    REMIT_TRY(relative, below_root(path, workspace_root));
  }
  std::vector<std::string> kept;
  for (const auto segment : split(relative, '/')) {
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (kept.empty()) {
        return fail(Code::kPermissionDenied,
                    fmt::format("the path '{}' leads out of the workspace", printable(path, 120)));
      }
      kept.pop_back();
      continue;
    }
    if (segment.size() > kSegmentBytes) {
      return fail(Code::kResourceExhausted,
                  fmt::format("a name in the path '{}' has more than {} bytes (kSegmentBytes)", printable(path, 120),
                              kSegmentBytes));
    }
    if (kept.size() == kPathSegments) {
      return fail(Code::kResourceExhausted, fmt::format("the path '{}' has more than {} segments (kPathSegments)",
                                                        printable(path, 120), kPathSegments));
    }
    kept.emplace_back(segment);
  }
  return kept.empty() ? "." : join(kept, "/");
}

bool is_normalised_path(std::string_view path) {
  const auto normal = normalise_path(path, "");
  return normal && *normal == path;
}

}  // namespace remit::policy
