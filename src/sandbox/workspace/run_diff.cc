#include "sandbox/workspace/run_diff.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"
#include "sandbox/workspace/overlay_mark.h"
#include "sandbox/workspace/run_plan.h"
#include "sandbox/workspace/text_diff.h"

namespace remit::sandbox {

std::string human_size(std::int64_t bytes) {
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (size < 1024) break;
    size /= 1024;
    unit = next;
  }
  return size < 10 ? fmt::format("{:.1f} {}", size, unit) : fmt::format("{:.0f} {}", size, unit);
}

namespace {

struct Side {
  bool there = false;
  bool is_link = false;
  std::int64_t size = 0;
  std::string bytes;
  bool readable = false;  // `bytes` is the whole file.
};

Result<Side> read_side(int folder, const std::string& path, std::size_t max_bytes) {
  Side side;
  struct stat entry{};
  if (stat_beneath(folder, path, &entry) != 0) {
    if (is_absent_errno(errno) || errno == EXDEV) return side;
    return fail(errno_error("look up " + printable(path), errno));
  }
  if (S_ISDIR(entry.st_mode) || is_whiteout(entry)) return side;
  side.there = true;
  side.size = entry.st_size;
  if (S_ISLNK(entry.st_mode)) {
    side.is_link = side.readable = true;
    side.bytes = target_of_link(folder, path);
    return side;
  }
  if (!S_ISREG(entry.st_mode) || static_cast<std::uint64_t>(entry.st_size) > max_bytes) return side;
  UniqueFd fd(open_beneath(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  // A file closed to us is told by its size.
  if (!fd && errno == EACCES) return side;
  if (!fd) return fail(errno_error("open " + printable(path), errno));
  REMIT_TRY(side.bytes, read_some(fd.get(), max_bytes + 1));
  side.readable = side.bytes.size() <= max_bytes;
  return side;
}

bool shows_as_text(const Side& side) { return !side.there || (side.readable && is_text(side.bytes)); }

std::string size_line(const Side& before, const Side& after, bool binary) {
  const char* word = binary ? "binary" : "large";
  if (!before.there) return fmt::format("{}, {}\n", word, human_size(after.size));
  if (!after.there) return fmt::format("{}, {} removed\n", word, human_size(before.size));
  return fmt::format("{}, {} → {}\n", word, human_size(before.size), human_size(after.size));
}

std::string link_lines(const Side& before, const Side& after) {
  std::string out;
  if (before.there)
    out += before.is_link ? fmt::format("-link to {}\n", printable(before.bytes)) : std::string("-file\n");
  if (after.there) out += after.is_link ? fmt::format("+link to {}\n", printable(after.bytes)) : std::string("+file\n");
  return out;
}

}  // namespace

static Result<FileDiff> diff_file(const WorkspaceState& state, const FileChange& change, const DiffOptions& options) {
  FileDiff out;
  out.change = change;
  REMIT_TRY(const Side before, read_side(state.lower.get(), change.path, options.max_file_bytes));
  REMIT_TRY(const Side after, read_side(state.upper.get(), change.path, options.max_file_bytes));
  out.old_size = before.size;
  if (before.is_link || after.is_link) {
    out.text = link_lines(before, after);
  } else if (shows_as_text(before) && shows_as_text(after)) {
    const TextDiffNames names{before.there ? "a/" + change.path : std::string(kNoFile),
                              after.there ? "b/" + change.path : std::string(kNoFile)};
    out.text = unified_diff(names, before.bytes, after.bytes, options.context_lines, options.escape);
  } else {
    out.binary = (before.readable && !is_text(before.bytes)) || (after.readable && !is_text(after.bytes));
    out.text = size_line(before, after, out.binary);
  }
  return out;
}

Result<RunDiff> diff_run(const WorkspaceState& state, const DiffOptions& options) {
  REMIT_TRY(const RunPlan plan, make_run_plan(state));
  RunDiff out;
  std::size_t bytes = 0;
  for (const auto& change : changes_of(plan)) {
    if (bytes >= options.max_output_bytes) {
      out.truncated = true;
      out.files.push_back({change, 0, false, ""});
      continue;
    }
    REMIT_TRY(FileDiff file, diff_file(state, change, options));
    if (bytes + file.text.size() > options.max_output_bytes) {
      out.truncated = true;
      file.text.clear();
    }
    bytes += file.text.size();
    out.files.push_back(std::move(file));
  }
  return out;
}

}  // namespace remit::sandbox
