// BaseLog: what the user's folder looked like in each place when the run first changed it, so that accept() can tell
// whether it changed since. On disk: one line a path, "<16 hex digits of SHA-256 of the rest> <JSON>\n", the first line
// a header with the schema version. Appended before the run's upper changes. A torn last line is cut off on opening; a
// broken line before a good one is kDataLoss. One thread at a time.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace remit::sandbox {

inline constexpr std::size_t kBaseLogBytes = 256u << 20;
inline constexpr int kBaseLogVersion = 1;
// Larger files are told by their stat only.
inline constexpr std::int64_t kHashFileBytes = 1 << 20;

struct Fingerprint {
  enum class Type : std::uint8_t { kAbsent, kFile, kFolder, kSymlink, kOther };
  Type type = Type::kAbsent;
  std::int64_t size = 0;
  std::int64_t mtime_ns = 0;
  std::int64_t ctime_ns = 0;
  std::uint64_t inode = 0;
  std::string sha256;  // Of the bytes of a small file or of a link's target; "" when not taken.
  bool late = false;   // The user changed it after the run began and before the run did.

  bool same_stat(const Fingerprint& other) const;
};

Fingerprint::Type type_of(const struct stat& entry);
std::int64_t mtime_ns(const struct stat& entry);
std::int64_t ctime_ns(const struct stat& entry);
// Of `path` beneath `folder`, never through a link. `hash_budget` is what may still be read for hashes; it goes down.
Fingerprint take_fingerprint(int folder, const std::string& path, std::int64_t& hash_budget);

class BaseLog {
 public:
  // Opens or makes `name` in `folder`. read_only takes what is there and never writes.
  static Result<BaseLog> open(int folder, const std::string& name, bool read_only);

  const Fingerprint* find(const std::string& path) const;
  bool empty() const { return entries_.empty(); }
  // Keeps the first fingerprint of a path; new ones are written by flush().
  void add(const std::string& path, Fingerprint fingerprint);
  Result<> flush();
  Result<> clear();

 private:
  std::map<std::string, Fingerprint> entries_;
  std::string pending_;
  UniqueFd fd_;
};

struct ParsedBaseLog {
  std::map<std::string, Fingerprint> entries;
  std::size_t whole_bytes = 0;  // Up to the torn line.
};
Result<ParsedBaseLog> parse_base_log(std::string_view text);
std::string base_log_line(const std::string& path, const Fingerprint& fingerprint);

}  // namespace remit::sandbox
