// Workspace: the files that a run works on, copy on write over the user's folder. The user's folder is not changed
// before accept().
//
// What a run sees is three folders on top of each other: the run's upper (what it changed so far), the mask (whiteouts
// over hidden paths), and the user's folder. Commands see them through overlayfs, each with a layer of its own on top
// (Layer); the trusted file tools see the same through list(), read() and write(), which never follow a symbolic link
// and never leave the workspace.
//
// open() looks at no file of the user's folder: it takes the same time over ten files and over a million.
//
// Paths are relative, '/'-separated, valid UTF-8 without control characters, at most limits::kPathBytes; "." is the
// workspace itself. "./x" and "x//y" are understood; "..", absolute paths and the rest are refused with
// kInvalidArgument.
//
// Hidden paths: patterns as in .gitignore. A pattern without '/' (or with one only at its end) matches a name at any
// depth; any other is anchored at the folder. '*', '?', '[a-z]' match within a name, '**' any number of folders. What
// lies in a hidden folder is hidden. '!' is refused. A hidden path is not found by reads and cannot be written, and it
// survives at accept even when the run deletes its folder. Commands do not see it: before each command the mask is
// brought up to date. Its first making walks the folder when a pattern needs it (a thread does so from open() on, and
// begin_layer() waits); afterwards only the times of the folders are compared. Limits: a file of a hidden name that the
// user creates while a command runs is hidden from the next command on; another hard link to a hidden file has another
// name and is not hidden; over kMaxHideWalkEntries entries begin_layer() refuses and asks for an anchored pattern.
//
// Durability: every step survives kill -9 of the process at any instant. accept() also survives a loss of power; for
// the run's upper call sync(). Thread safety: any thread, calls wait for each other; every call does blocking file I/O,
// so call from a file pool. One process per run folder: a second open() fails with kUnavailable, except inspect_only.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "core/event.h"
#include "sandbox/layer.h"

namespace remit::sandbox {

inline constexpr std::size_t kMaxHidePatterns = 256;
inline constexpr std::size_t kMaxHideWalkEntries = 5'000'000;
inline constexpr std::size_t kMaxListEntries = 10'000;       // The most that one list() gives.
inline constexpr std::size_t kMaxFileToolBytes = 64u << 20;  // The most that one read() gives or write() takes.
inline constexpr std::size_t kMaxRunChanges = 200'000;       // Paths that diff() and accept() handle.
inline constexpr std::size_t kMaxLayers = 256;               // Layer folders at one time.

struct WorkspaceOptions {
  std::string folder;  // The user's folder. Absolute.
  // A folder of this run in the data directory, made when absent;
  // the workspace lives in its sub-folder "workspace".
  std::string run_folder;
  std::vector<std::string> hide;
  bool inspect_only = false;  // Takes no lock and changes nothing: for diff() beside a running daemon.
  // Whom the run's files belong to. By default the owner of the user's folder when we are root, else ourselves.
  std::optional<std::pair<uid_t, gid_t>> owner;
  // Called before each step that a crash could separate from the next, with the step's name. For tests.
  std::function<void(std::string_view)> step_hook;
};

struct WorkspaceEntry {
  enum class Type : std::uint8_t { kFile, kFolder, kSymlink, kOther };
  std::string path;  // Relative to the workspace; "\xNN" for what is not printable.
  Type type = Type::kFile;
  std::int64_t size = 0;  // Of a file; of a link the length of its target.
  unsigned mode = 0;      // Permission bits.
  std::string target;     // Of a link.
};

struct ListLimits {
  std::size_t max_entries = 1000;
  std::size_t max_depth = 1;  // 1: the folder's own entries.
};

struct Listing {
  std::vector<WorkspaceEntry> entries;  // Sorted by path.
  bool truncated = false;
};

struct FileContent {
  std::string bytes;
  std::int64_t size = 0;  // Of the whole file; more than bytes.size() when it was cut at max_bytes.
};

struct DiffOptions {
  std::size_t max_file_bytes = 1u << 20;    // Larger files are told by their size only.
  std::size_t max_output_bytes = 4u << 20;  // Of all texts together.
  std::size_t context_lines = 3;
  bool escape =
      true;  // Control characters but tab become \xNN: safe to print. False: bytes as they are, fit for patch(1).
};

struct FileDiff {
  FileChange change;
  std::int64_t old_size = 0;  // 0 when added.
  bool binary = false;
  // A unified diff with its "---" and "+++" lines, or one line such as "binary, 12 KiB → 16 KiB"; "" when over
  // max_output_bytes.
  std::string text;
};

struct RunDiff {
  std::vector<FileDiff> files;  // Sorted by path.
  bool truncated = false;       // Some texts were left out.
};

struct AcceptConflict {
  std::string path;
  std::string reason;  // "changed in your folder since the run began"
};

struct AcceptReport {
  std::vector<FileChange> applied;
  // Not empty: the folder changed underneath in these places. Nothing was applied, unless `applied` says so (a change
  // in the very moment of accepting).
  std::vector<AcceptConflict> conflicts;
  std::vector<std::string> kept;  // Folders the run deleted that stay because hidden files are in them.
};

class Workspace {
 public:
  // Opens or re-opens the workspace of a run. Errors say which folder is unfit and what to do: kFailedPrecondition when
  // the run's file system cannot carry overlayfs, kInvalidArgument for folders inside each other and bad patterns,
  // kUnavailable when another process has it.
  static Result<Workspace> open(WorkspaceOptions options);

  Workspace(Workspace&&) noexcept;
  Workspace& operator=(Workspace&&) noexcept;
  ~Workspace();

  const std::string& folder() const;
  // uid and gid of the layers' files: what a sandboxed command should run as.
  std::pair<uid_t, gid_t> owner() const;

  // A new empty layer. `id`: 1 to 64 of [A-Za-z0-9._-], such as "call-7-1". kAlreadyExists when there is one of that
  // name.
  Result<Layer> begin_layer(std::string id);
  // A layer that a crash left behind.
  Result<Layer> open_layer(const std::string& id);
  std::vector<std::string> layers() const;
  // After a restart: merges what `changes` permits from the layer if it still exists. When it does not, it was finished
  // before, and the list comes back as it is.
  Result<std::vector<FileChange>> finish_layer(const std::string& id, std::vector<FileChange> changes);

  // The file tools. kNotFound also for hidden paths; a path through or at a symbolic link is refused with its target in
  // the message.
  Result<Listing> list(std::string_view path, ListLimits limits);
  Result<FileContent> read(std::string_view path, std::size_t max_bytes);
  // Creates or replaces the file in one step in the run's upper, making folders as needed. A new file has mode 0644, an
  // old one keeps its own.
  Result<FileChange> write(std::string_view path, std::string_view bytes);
  // The normal form of a path as rules should see it.
  static Result<std::string> normalise(std::string_view path);
  bool hidden(std::string_view normal_path) const;

  // What the run changed against the user's folder as it is now.
  Result<std::vector<FileChange>> changes();
  Result<RunDiff> diff(DiffOptions options);

  // Applies the run's changes to the user's folder: all of them, or none when there is a conflict. Each file is
  // replaced in one step. Redo after a crash by calling it again. A second accept() has nothing to do.
  Result<AcceptReport> accept();
  // Drops all that the run changed, layers too. Safe to repeat.
  Result<> discard();
  // Puts the run's upper on the disk, so that it survives a loss of power.
  Result<> sync();

 private:
  explicit Workspace(std::shared_ptr<WorkspaceState> state);
  std::shared_ptr<WorkspaceState> state_;
};

}  // namespace remit::sandbox
