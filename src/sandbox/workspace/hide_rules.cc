#include "sandbox/workspace/hide_rules.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/limits.h"
#include "base/strings.h"
#include "sandbox/workspace.h"
#include "sandbox/workspace/open_beneath.h"

namespace remit::sandbox {

namespace {

bool has_wildcard(std::string_view text) { return text.find_first_of("*?[\\") != std::string_view::npos; }

// Where the bracket expression that begins at pattern[at] ends (behind its ']'), npos when it is not closed.
std::size_t bracket_end(std::string_view pattern, std::size_t at) {
  std::size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;  // A ']' in the first place is a member.
  while (i < pattern.size() && pattern[i] != ']') ++i;
  return i < pattern.size() ? i + 1 : std::string_view::npos;
}

bool bracket_holds(std::string_view inside, char c) {
  const bool negated = !inside.empty() && (inside[0] == '!' || inside[0] == '^');
  if (negated) inside.remove_prefix(1);
  const auto code = static_cast<unsigned char>(c);
  bool found = false;
  for (std::size_t i = 0; i < inside.size(); ++i) {
    const auto low = static_cast<unsigned char>(inside[i]);
    if (i + 2 < inside.size() && inside[i + 1] == '-') {
      found = found || (low <= code && code <= static_cast<unsigned char>(inside[i + 2]));
      i += 2;
    } else {
      found = found || low == code;
    }
  }
  return found != negated;
}

// Matches one character at pattern[at]; gives the position behind that piece, npos when it does not match.
std::size_t match_one(std::string_view pattern, std::size_t at, char c) {
  if (pattern[at] == '?') return at + 1;
  if (pattern[at] == '[') {
    const auto end = bracket_end(pattern, at);
    if (end != std::string_view::npos) {
      return bracket_holds(pattern.substr(at + 1, end - at - 2), c) ? end : std::string_view::npos;
    }
  }
  if (pattern[at] == '\\' && at + 1 < pattern.size()) return pattern[at + 1] == c ? at + 2 : std::string_view::npos;
  return pattern[at] == c ? at + 1 : std::string_view::npos;
}

// Components against components. reached[i]: the first i components of the pattern match those of the path read so far.
bool components_match(const std::vector<std::string>& pattern, const std::vector<std::string_view>& path) {
  std::vector<bool> reached(pattern.size() + 1, false);
  const auto close = [&](bool last) {
    // "**" may stand for nothing, but not at the end: "a/**" is what lies in a, not a itself.
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (reached[i] && pattern[i] == "**" && !(last && i + 1 == pattern.size())) reached[i + 1] = true;
    }
  };
  reached[0] = true;
  close(false);
  reached[pattern.size()] = false;
  for (std::size_t at = 0; at < path.size(); ++at) {
    std::vector<bool> next(pattern.size() + 1, false);
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      if (!reached[i]) continue;
      if (pattern[i] == "**") {
        next[i] = true;
        if (i + 1 == pattern.size()) next[i + 1] = true;
      } else if (glob_matches(pattern[i], path[at])) {
        next[i + 1] = true;
      }
    }
    reached = std::move(next);
    close(true);
  }
  return reached[pattern.size()];
}

Result<std::vector<std::string>> components_of(std::string_view whole, std::string_view pattern) {
  std::vector<std::string> parts;
  for (const auto part : split(pattern, '/')) {
    if (part.empty() || part == "." || part == "..") {
      return fail(invalid_argument(
          fmt::format("hide: the pattern \"{}\" holds an empty component, \".\" or \"..\"", printable(whole, 200))));
    }
    parts.emplace_back(part);
  }
  return parts;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_name = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_name = n;
      continue;
    }
    const auto next = p < pattern.size() ? match_one(pattern, p, name[n]) : std::string_view::npos;
    if (next != std::string_view::npos) {
      p = next;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++star_name;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<HideRules> HideRules::parse(const std::vector<std::string>& patterns) {
  if (patterns.size() > kMaxHidePatterns) {
    return fail(Code::kResourceExhausted, fmt::format("hide: more than {} patterns", kMaxHidePatterns));
  }
  HideRules rules;
  for (const auto& whole : patterns) {
    std::string_view pattern = whole;
    if (pattern.empty() || pattern.size() > remit::limits::kPathBytes || !unfit_name(pattern).empty()) {
      return fail(invalid_argument(fmt::format(
          "hide: the pattern \"{}\" is empty, too long, or holds control characters", printable(pattern, 200))));
    }
    if (pattern.front() == '!') {
      return fail(invalid_argument(
          fmt::format("hide: \"{}\": '!' is not supported; name what to hide only", printable(pattern, 200))));
    }
    if (pattern.size() > 1 && pattern.back() == '/') pattern.remove_suffix(1);
    const bool anchored = pattern.find('/') != std::string_view::npos;
    if (anchored && pattern.front() == '/') pattern.remove_prefix(1);
    REMIT_TRY(auto parts, components_of(whole, pattern));
    // "**/x" is x at any depth.
    if (parts.size() == 2 && parts[0] == "**" && parts[1] != "**") parts.erase(parts.begin());
    const bool any_depth = parts.size() == 1 && (!anchored || whole.starts_with("**/"));
    if (any_depth) {
      if (has_wildcard(parts[0]))
        rules.name_globs_.push_back(parts[0]);
      else
        rules.names_.insert(parts[0]);
    } else if (has_wildcard(pattern)) {
      rules.path_globs_.push_back(std::move(parts));
    } else {
      rules.paths_.emplace_back(join(parts, "/"));
    }
  }
  return rules;
}

bool HideRules::matches(std::string_view path, std::string_view name) const {
  if (names_.find(name) != names_.end()) return true;
  for (const auto& glob : name_globs_) {
    if (glob_matches(glob, name)) return true;
  }
  if (std::find(paths_.begin(), paths_.end(), path) != paths_.end()) return true;
  if (path_globs_.empty()) return false;
  const auto components = split(path, '/');
  return std::any_of(path_globs_.begin(), path_globs_.end(),
                     [&](const auto& glob) { return components_match(glob, components); });
}

bool HideRules::hidden(std::string_view path) const {
  if (empty() || path.empty()) return false;
  for (std::size_t start = 0;;) {
    const auto slash = path.find('/', start);
    const auto prefix = path.substr(0, slash);
    if (matches(prefix, prefix.substr(start))) return true;
    if (slash == std::string_view::npos) return false;
    start = slash + 1;
  }
}

}  // namespace remit::sandbox
