#include "policy/glob.h"

#include <algorithm>

#include "base/strings.h"

namespace remit::policy {

// `*` for any run, `?` for one character when `question` is set. On a mismatch only the last star is widened, so each
// character of the text is looked at no more than once per character of the pattern behind that star.
static bool wildcard_matches(std::string_view pattern, std::string_view text, bool question) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, resume = t;
    } else if (p < pattern.size() && (pattern[p] == text[t] || (question && pattern[p] == '?'))) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<ToolGlob> ToolGlob::parse(std::string_view text) {
  if (text.empty()) return fail(Code::kInvalidArgument, "the name of a tool is empty");
  if (text.size() > kToolGlobBytes) {
    return fail(Code::kResourceExhausted,
                fmt::format("the name of a tool has more than {} bytes (kToolGlobBytes)", kToolGlobBytes));
  }
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || std::string_view("._-:/@+*").find(c) != std::string_view::npos) continue;
    return fail(Code::kInvalidArgument,
                fmt::format("'{}' is no name of a tool: letters, digits and . _ - : / @ + with '*' for any run",
                            printable(text, 80)));
  }
  std::string collapsed;
  for (const char c : text) {
    if (c != '*' || !collapsed.ends_with('*')) collapsed += c;
  }
  return ToolGlob(std::move(collapsed));
}

bool ToolGlob::matches(std::string_view name) const { return wildcard_matches(text_, name, false); }

Result<PathGlob> PathGlob::parse(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kInvalidArgument, fmt::format("'{}' is no path pattern: {}", printable(text, 80), why));
  };
  if (text.size() > kPathGlobBytes)
    return fail(Code::kResourceExhausted,
                fmt::format("a path pattern has more than {} bytes (kPathGlobBytes)", kPathGlobBytes));
  if (!is_valid_utf8(text)) return refuse("it is not valid UTF-8");
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return refuse("it holds a control character");
  if (text.starts_with('/')) return refuse("it is relative to the workspace; drop the leading '/'");
  PathGlob glob;
  for (const auto segment : split(text, '/')) {
    if (segment == ".") continue;
    if (segment == "..") return refuse("'..' leads out of the workspace");
    if (segment.empty()) continue;  // "build/" and "a//b".
    if (segment != "**" && segment.contains("**")) return refuse("'**' stands for whole segments, as in 'build/**'");
    if (segment == "**" && !glob.segments_.empty() && glob.segments_.back() == "**") continue;
    glob.segments_.emplace_back(segment);
  }
  if (glob.segments_.empty()) return refuse("it names nothing; write '**' for everything");
  if (glob.segments_.size() > kPathGlobSegments) {
    return fail(Code::kResourceExhausted,
                fmt::format("a path pattern has more than {} segments (kPathGlobSegments)", kPathGlobSegments));
  }
  glob.text_ = join(glob.segments_, "/");
  return glob;
}

// reached[i]: the first i segments of the pattern match what was read of the path. One row per segment of the path.
bool PathGlob::match_segments(std::string_view path, bool prefix_is_enough) const {
  const std::size_t count = segments_.size();
  std::vector<char> reached(count + 1, 0), next(count + 1, 0);
  const auto pass_stars = [&](std::vector<char>& row) {
    for (std::size_t i = 0; i < count; ++i) {
      if (row[i] && segments_[i] == "**") row[i + 1] = 1;
    }
  };
  reached[0] = 1;
  pass_stars(reached);
  for (const auto segment : split(path, '/')) {
    std::ranges::fill(next, 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (!reached[i]) continue;
      if (segments_[i] == "**") {
        next[i] = 1;
      } else if (wildcard_matches(segments_[i], segment, true)) {
        next[i + 1] = 1;
      }
    }
    pass_stars(next);
    std::swap(reached, next);
    if (prefix_is_enough && reached[count]) return true;
  }
  return reached[count] != 0;
}

bool PathGlob::matches(std::string_view path) const { return match_segments(path, false); }
bool PathGlob::covers(std::string_view path) const { return match_segments(path, true); }

}  // namespace remit::policy
