#include "sandbox/workspace/text_diff.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::sandbox {

namespace {

using Lines = std::vector<std::string_view>;

// Each line with its newline, so that a missing one at the end counts.
Lines lines_of(std::string_view text) {
  Lines out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto length = end == std::string_view::npos ? text.size() : end + 1;
    out.push_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return out;
}

struct Edit {
  char mark;  // ' ', '-', '+'
  std::size_t old_line;
  std::size_t new_line;
};

// The furthest-reaching ends of every distance, to walk back from the goal.
struct Traces {
  std::vector<std::vector<std::ptrdiff_t>> ends;
  bool reached = false;
};

Traces trace_edits(const Lines& a, const Lines& b) {
  const auto n = static_cast<std::ptrdiff_t>(a.size());
  const auto m = static_cast<std::ptrdiff_t>(b.size());
  const auto limit = std::min<std::ptrdiff_t>(n + m, kMaxEditDistance);
  std::vector<std::ptrdiff_t> v(static_cast<std::size_t>(2 * limit + 3), 0);
  const auto at = [&](std::ptrdiff_t k) -> std::ptrdiff_t& { return v[static_cast<std::size_t>(k + limit + 1)]; };
  Traces out;
  for (std::ptrdiff_t d = 0; d <= limit; ++d) {
    // Only the diagonals -d-1 to d+1 can be asked for on the way back.
    out.ends.emplace_back(v.begin() + (limit - d), v.begin() + (limit + d + 3));
    for (std::ptrdiff_t k = -d; k <= d; k += 2) {
      const bool down = k == -d || (k != d && at(k - 1) < at(k + 1));
      std::ptrdiff_t x = down ? at(k + 1) : at(k - 1) + 1;
      while (x < n && x - k < m && a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(x - k)]) ++x;
      at(k) = x;
      if (x >= n && x - k >= m) {
        out.reached = true;
        return out;
      }
    }
  }
  return out;
}

std::vector<Edit> walk_back(const Traces& traces, std::ptrdiff_t x, std::ptrdiff_t y) {
  std::vector<Edit> edits;
  const auto push = [&](char mark) {
    edits.push_back({mark, static_cast<std::size_t>(x), static_cast<std::size_t>(y)});
  };
  for (auto d = static_cast<std::ptrdiff_t>(traces.ends.size()) - 1; d >= 0; --d) {
    const auto& ends = traces.ends[static_cast<std::size_t>(d)];
    const auto at = [&](std::ptrdiff_t k) { return ends[static_cast<std::size_t>(k + d + 1)]; };
    const std::ptrdiff_t k = x - y;
    const bool down = k == -d || (k != d && at(k - 1) < at(k + 1));
    const std::ptrdiff_t before_x = d == 0 ? 0 : down ? at(k + 1) : at(k - 1);
    const std::ptrdiff_t before_y = d == 0 ? 0 : before_x - (down ? k + 1 : k - 1);
    while (x > before_x && y > before_y) {
      --x;
      --y;
      push(' ');
    }
    if (d == 0) break;
    if (down)
      --y;
    else
      --x;
    push(down ? '+' : '-');
  }
  std::reverse(edits.begin(), edits.end());
  return edits;
}

std::vector<Edit> edits_between(const Lines& a, const Lines& b) {
  std::size_t head = 0;
  while (head < a.size() && head < b.size() && a[head] == b[head]) ++head;
  std::size_t tail = 0;
  while (tail < a.size() - head && tail < b.size() - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const Lines old_middle(a.begin() + static_cast<std::ptrdiff_t>(head), a.end() - static_cast<std::ptrdiff_t>(tail));
  const Lines new_middle(b.begin() + static_cast<std::ptrdiff_t>(head), b.end() - static_cast<std::ptrdiff_t>(tail));
  std::vector<Edit> edits;
  for (std::size_t i = 0; i < head; ++i) edits.push_back({' ', i, i});
  const Traces traces = trace_edits(old_middle, new_middle);
  if (traces.reached) {
    for (auto edit : walk_back(traces, static_cast<std::ptrdiff_t>(old_middle.size()),
                               static_cast<std::ptrdiff_t>(new_middle.size()))) {
      edits.push_back({edit.mark, edit.old_line + head, edit.new_line + head});
    }
  } else {
    for (std::size_t i = 0; i < old_middle.size(); ++i) edits.push_back({'-', head + i, head});
    for (std::size_t i = 0; i < new_middle.size(); ++i) edits.push_back({'+', head + old_middle.size(), head + i});
  }
  for (std::size_t i = 0; i < tail; ++i) edits.push_back({' ', a.size() - tail + i, b.size() - tail + i});
  return edits;
}

std::string shown(std::string_view line, bool escape) {
  const bool ended = line.ends_with('\n');
  if (ended) line.remove_suffix(1);
  std::string out;
  if (!escape) {
    out = line;
  } else {
    const auto parts = split(line, '\t');
    for (std::size_t i = 0; i < parts.size(); ++i) out.append(i == 0 ? "" : "\t").append(printable(parts[i]));
  }
  out += '\n';
  if (!ended) out += "\\ No newline at end of file\n";
  return out;
}

// "12,3" in a hunk's head; an empty side names the line before.
std::string range(std::size_t start, std::size_t count) {
  if (count == 1) return std::to_string(start + 1);
  return fmt::format("{},{}", count == 0 ? start : start + 1, count);
}

std::string hunk(const std::vector<Edit>& edits, std::size_t from, std::size_t to, const Lines& a, const Lines& b,
                 bool escape) {
  std::size_t olds = 0;
  std::size_t news = 0;
  std::string body;
  for (std::size_t i = from; i < to; ++i) {
    const Edit& edit = edits[i];
    olds += edit.mark != '+' ? 1 : 0;
    news += edit.mark != '-' ? 1 : 0;
    body += edit.mark;
    body += shown(edit.mark == '+' ? b[edit.new_line] : a[edit.old_line], escape);
  }
  return fmt::format("@@ -{} +{} @@\n{}", range(edits[from].old_line, olds), range(edits[from].new_line, news), body);
}

}  // namespace

bool is_text(std::string_view bytes) { return bytes.find('\0') == std::string_view::npos && is_valid_utf8(bytes); }

std::string unified_diff(const TextDiffNames& names, std::string_view old_text, std::string_view new_text,
                         std::size_t context, bool escape) {
  if (old_text == new_text) return {};
  const Lines a = lines_of(old_text);
  const Lines b = lines_of(new_text);
  const auto edits = edits_between(a, b);
  std::string out = fmt::format("--- {}\n+++ {}\n", names.old_name, names.new_name);
  for (std::size_t at = 0; at < edits.size();) {
    while (at < edits.size() && edits[at].mark == ' ') ++at;
    if (at == edits.size()) break;
    const std::size_t from = at - std::min(at, context);
    // Changes closer than twice the context share a hunk.
    std::size_t last = at;
    std::size_t next = at;
    for (; next < edits.size() && next - last <= 2 * context + 1; ++next) {
      if (edits[next].mark != ' ') last = next;
    }
    const std::size_t to = std::min(edits.size(), last + context + 1);
    out += hunk(edits, from, to, a, b, escape);
    at = to;
  }
  return out;
}

}  // namespace remit::sandbox
