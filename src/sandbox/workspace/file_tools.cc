#include "sandbox/workspace/file_tools.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"

namespace remit::sandbox {

static constexpr mode_t kNewFileMode = 0644;

static Error absent(const std::string& path) {
  return not_found(
      fmt::format("{}: there is no such file or folder in the workspace", path.empty() ? "." : printable(path)));
}

// Refuses a path that goes through a link: rules judge the path that is named, so it has to be the one that is used.
static Result<> refuse_links(const WorkspaceState& state, const std::string& path) {
  const View view = state.view();
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = path.find('/', slash == 0 ? 0 : slash + 1);
    const std::string prefix = path.substr(0, slash);
    REMIT_TRY(const ViewNode node, view.lookup(prefix));
    if (!node.exists()) return {};
    if (node.is_link()) {
      return fail(Code::kFailedPrecondition,
                  fmt::format("{} is a symbolic link to {}: name the file it leads to instead", printable(prefix),
                              printable(target_of_link(view.folder_of(node), prefix), 300)));
    }
    if (slash != std::string::npos && !node.is_folder()) {
      return fail(Code::kFailedPrecondition, fmt::format("{} is not a folder", printable(prefix)));
    }
  }
  return {};
}

static WorkspaceEntry entry_of(const View& view, const ViewNode& node, const std::string& path) {
  WorkspaceEntry out;
  out.path = printable(path);
  out.size = node.is_folder() ? 0 : node.entry.st_size;
  out.mode = node.entry.st_mode & 0777;
  if (node.is_folder())
    out.type = WorkspaceEntry::Type::kFolder;
  else if (node.is_link())
    out.type = WorkspaceEntry::Type::kSymlink;
  else if (!node.is_file())
    out.type = WorkspaceEntry::Type::kOther;
  if (node.is_link()) out.target = printable(target_of_link(view.folder_of(node), path));
  return out;
}

static Result<> list_folder(const View& view, const std::string& path, ListLimits limits, std::size_t depth,
                            Listing& out) {
  REMIT_TRY(const auto names, view.names(path));
  for (const auto& name : names) {
    if (out.entries.size() >= limits.max_entries) {
      out.truncated = true;
      return {};
    }
    const std::string child = join_path(path, name);
    REMIT_TRY(const ViewNode node, view.lookup(child));
    if (!node.exists()) continue;
    out.entries.push_back(entry_of(view, node, child));
    if (!node.is_folder() || depth >= limits.max_depth) continue;
    auto inside = list_folder(view, child, limits, depth + 1, out);
    // A folder closed to us is listed and not looked into.
    if (!inside && inside.error().code() != Code::kNotFound) return inside;
  }
  return {};
}

Result<Listing> list_files(const WorkspaceState& state, std::string_view path, ListLimits limits) {
  limits.max_entries = std::min(limits.max_entries, kMaxListEntries);
  limits.max_depth = std::clamp<std::size_t>(limits.max_depth, 1, kMaxLayerDepth);
  REMIT_TRY(const std::string normal, normal_path(path));
  REMIT_CHECK_OK(refuse_links(state, normal));
  const View view = state.view();
  REMIT_TRY(const ViewNode node, view.lookup(normal));
  if (!node.exists()) return fail(absent(normal));
  Listing out;
  if (!node.is_folder()) {
    out.entries.push_back(entry_of(view, node, normal));
    return out;
  }
  REMIT_CHECK_OK(list_folder(view, normal, limits, 1, out));
  return out;
}

Result<FileContent> read_workspace_file(const WorkspaceState& state, std::string_view path, std::size_t max_bytes) {
  REMIT_TRY(const std::string normal, normal_path(path));
  REMIT_CHECK_OK(refuse_links(state, normal));
  const View view = state.view();
  REMIT_TRY(const ViewNode node, view.lookup(normal));
  if (!node.exists()) return fail(absent(normal));
  if (node.is_folder()) return fail(Code::kFailedPrecondition, printable(normal) + " is a folder: list it instead");
  if (!node.is_file())
    return fail(Code::kFailedPrecondition, printable(normal) + " is a device, FIFO or socket, not a file");
  UniqueFd fd(open_beneath(view.folder_of(node), normal, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  struct stat entry{};
  if (!fd || ::fstat(fd.get(), &entry) != 0) return fail(errno_error("read " + printable(normal), errno));
  if (!S_ISREG(entry.st_mode))
    return fail(Code::kUnavailable, printable(normal) + " changed while it was opened: try again");
  FileContent out;
  REMIT_TRY(out.bytes, read_some(fd.get(), std::min(max_bytes, kMaxFileToolBytes)));
  out.size = std::max<std::int64_t>(entry.st_size, static_cast<std::int64_t>(out.bytes.size()));
  return out;
}

Result<FileChange> write_workspace_file(WorkspaceState& state, std::string_view path, std::string_view bytes) {
  REMIT_TRY(const std::string normal, normal_path(path));
  if (bytes.size() > kMaxFileToolBytes) {
    return fail(Code::kResourceExhausted,
                fmt::format("{}: one write takes at most {} bytes", printable(normal), kMaxFileToolBytes));
  }
  if (normal.empty()) return fail(invalid_argument("\".\" is the workspace itself, not a file"));
  if (state.rules.hidden(normal)) {
    return fail(Code::kPermissionDenied, printable(normal) + " is hidden by workspace.hide: it cannot be written");
  }
  REMIT_CHECK_OK(refuse_links(state, normal));
  REMIT_TRY(const ViewNode old, state.view().lookup(normal));
  if (old.exists() && !old.is_file()) {
    return fail(Code::kFailedPrecondition, fmt::format("{} is {}, not a file", printable(normal),
                                                       old.is_folder() ? "a folder" : "a device, FIFO or socket"));
  }
  REMIT_CHECK_OK(state.record_base({normal}));
  REMIT_CHECK_OK(state.writer().write(normal, bytes, old.exists() ? old.entry.st_mode & 0777 : kNewFileMode));
  return FileChange{normal, old.exists() ? FileChange::Kind::kModified : FileChange::Kind::kAdded,
                    static_cast<std::int64_t>(bytes.size()), true, ""};
}

}  // namespace remit::sandbox
