// Globs for the names of tools and for paths. Nothing backtracks over more than the last star: time is at most (bytes
// of the pattern × bytes of the name), both bounded, and a table serves `**`. Values; any thread may match.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::policy {

inline constexpr std::size_t kToolGlobBytes = 256;
inline constexpr std::size_t kPathGlobBytes = 1024;
inline constexpr std::size_t kPathGlobSegments = 64;

// A name of a tool with `*` for any run of characters: "files.*", "*", "*.read". No other character is special.
class ToolGlob {
 public:
  static Result<ToolGlob> parse(std::string_view text);
  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  explicit ToolGlob(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// A path relative to the workspace, with `*` and `?` inside a segment and `**` as a whole segment for any number of
// segments, none included: "build/**" matches "build" and "build/a/b". Case counts; a dot at the start is nothing
// special. A pattern begins at the root: ".env" is not "sub/.env", which "**/.env" is.
class PathGlob {
 public:
  static Result<PathGlob> parse(std::string_view text);
  // `path` is normalised (policy/paths.h).
  bool matches(std::string_view path) const;
  // True also for everything below a folder that matches: what `hide` means.
  bool covers(std::string_view path) const;
  const std::string& text() const { return text_; }

 private:
  PathGlob() = default;
  bool match_segments(std::string_view path, bool prefix_is_enough) const;
  std::string text_;
  std::vector<std::string> segments_;
};

}  // namespace remit::policy
