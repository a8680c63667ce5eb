#include "sandbox/workspace/base_log.h"

#include <fcntl.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/strings.h"
#include "sandbox/workspace/open_beneath.h"

namespace remit::sandbox {

static constexpr std::size_t kSumDigits = 16;

Fingerprint::Type type_of(const struct stat& entry) {
  if (S_ISREG(entry.st_mode)) return Fingerprint::Type::kFile;
  if (S_ISDIR(entry.st_mode)) return Fingerprint::Type::kFolder;
  if (S_ISLNK(entry.st_mode)) return Fingerprint::Type::kSymlink;
  return Fingerprint::Type::kOther;
}

std::int64_t mtime_ns(const struct stat& entry) {
  return entry.st_mtim.tv_sec * 1'000'000'000LL + entry.st_mtim.tv_nsec;
}

std::int64_t ctime_ns(const struct stat& entry) {
  return entry.st_ctim.tv_sec * 1'000'000'000LL + entry.st_ctim.tv_nsec;
}

bool Fingerprint::same_stat(const Fingerprint& other) const {
  return type == other.type && size == other.size && mtime_ns == other.mtime_ns && ctime_ns == other.ctime_ns &&
         inode == other.inode;
}

Fingerprint take_fingerprint(int folder, const std::string& path, std::int64_t& hash_budget) {
  Fingerprint out;
  struct stat entry{};
  if (stat_beneath(folder, path, &entry) != 0) {
    // A mount point or a forbidden folder is something we cannot look into, not an absence.
    if (!is_absent_errno(errno)) out.type = Fingerprint::Type::kOther;
    return out;
  }
  out.type = type_of(entry);
  out.size = entry.st_size;
  out.mtime_ns = mtime_ns(entry);
  out.ctime_ns = ctime_ns(entry);
  out.inode = entry.st_ino;
  if (out.type == Fingerprint::Type::kSymlink) out.sha256 = sha256_hex(target_of_link(folder, path));
  if (out.type == Fingerprint::Type::kFile && out.size <= kHashFileBytes && out.size <= hash_budget) {
    UniqueFd fd(open_beneath(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (auto bytes = fd ? read_some(fd.get(), kHashFileBytes + 1) : Result<std::string>("")) {
      if (fd && static_cast<std::int64_t>(bytes->size()) == out.size) out.sha256 = sha256_hex(*bytes);
    }
    hash_budget -= out.size;
  }
  return out;
}

static std::string_view type_word(Fingerprint::Type type) {
  switch (type) {
    case Fingerprint::Type::kAbsent: return "absent";
    case Fingerprint::Type::kFile: return "file";
    case Fingerprint::Type::kFolder: return "folder";
    case Fingerprint::Type::kSymlink: return "symlink";
    case Fingerprint::Type::kOther: return "other";
  }
  return "other";
}

static std::optional<Fingerprint::Type> parse_type(std::string_view word) {
  using enum Fingerprint::Type;
  for (const auto type : {kAbsent, kFile, kFolder, kSymlink, kOther}) {
    if (type_word(type) == word) return type;
  }
  return std::nullopt;
}

static std::string summed_line(const json::object& object) {
  const std::string text = to_json(object);
  return fmt::format("{} {}\n", sha256_hex(text).substr(0, kSumDigits), text);
}

std::string base_log_line(const std::string& path, const Fingerprint& fingerprint) {
  json::object object{{"path", path}, {"type", jsv(type_word(fingerprint.type))}};
  if (fingerprint.type != Fingerprint::Type::kAbsent) {
    object["size"] = fingerprint.size;
    object["mtime"] = fingerprint.mtime_ns;
    object["ctime"] = fingerprint.ctime_ns;
    object["inode"] = static_cast<std::int64_t>(fingerprint.inode);
  }
  if (!fingerprint.sha256.empty()) object["sha256"] = fingerprint.sha256;
  if (fingerprint.late) object["late"] = true;
  return summed_line(object);
}

static std::string header_line() { return summed_line({{"schema", "remit.base/v1"}, {"version", kBaseLogVersion}}); }

// The JSON of one line, nothing when its sum does not fit.
static std::optional<json::object> open_line(std::string_view line) {
  if (line.size() < kSumDigits + 2 || line[kSumDigits] != ' ') return std::nullopt;
  const auto text = line.substr(kSumDigits + 1);
  if (std::string_view(sha256_hex(text)).substr(0, kSumDigits) != line.substr(0, kSumDigits)) return std::nullopt;
  auto object = parse_json_object(text);
  if (!object) return std::nullopt;
  return std::move(*object);
}

static Result<> read_header(const json::object& object) {
  const auto version = get_int(object, "version", 0);
  if (get_string(object, "schema").substr(0, 11) != "remit.base/" || version < 1) {
    return fail(Code::kDataLoss, "the log of fingerprints does not begin with its header");
  }
  if (version > kBaseLogVersion) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the log of fingerprints has version {}, this Remit knows up to {}: use the newer Remit",
                            version, kBaseLogVersion));
  }
  return {};
}

static std::optional<Fingerprint> fingerprint_of(const json::object& object) {
  const auto type = parse_type(get_string(object, "type"));
  if (!type) return std::nullopt;
  Fingerprint out;
  out.type = *type;
  out.size = get_int(object, "size");
  out.mtime_ns = get_int(object, "mtime");
  out.ctime_ns = get_int(object, "ctime");
  out.inode = static_cast<std::uint64_t>(get_int(object, "inode"));
  out.sha256 = get_string(object, "sha256");
  out.late = get_bool(object, "late");
  return out;
}

Result<ParsedBaseLog> parse_base_log(std::string_view text) {
  ParsedBaseLog out;
  std::size_t at = 0;
  std::optional<std::size_t> broken;
  for (std::size_t line_number = 1; at < text.size(); ++line_number) {
    const auto end = text.find('\n', at);
    const auto line = text.substr(at, end == std::string_view::npos ? end : end - at);
    auto object = end == std::string_view::npos ? std::nullopt : open_line(line);
    at = end == std::string_view::npos ? text.size() : end + 1;
    if (!object) {
      if (!broken) broken = line_number;
      continue;
    }
    if (broken) {
      return fail(Code::kDataLoss, fmt::format("the log of fingerprints is damaged in line {}", *broken));
    }
    if (line_number == 1) {
      REMIT_CHECK_OK(read_header(*object));
    } else {
      const auto path = get_string(*object, "path");
      auto fingerprint = fingerprint_of(*object);
      if (!fingerprint) {
        return fail(Code::kDataLoss,
                    fmt::format("the log of fingerprints has an unknown type in line {}", line_number));
      }
      out.entries.try_emplace(std::string(path), std::move(*fingerprint));
    }
    out.whole_bytes = at;
  }
  return out;
}

Result<BaseLog> BaseLog::open(int folder, const std::string& name, bool read_only) {
  BaseLog log;
  log.fd_.reset(open_beneath(folder, name, read_only ? O_RDONLY : O_RDWR | O_CREAT | O_APPEND, 0600));
  if (!log.fd_) {
    if (read_only && errno == ENOENT) return log;
    return fail(errno_error("open " + name, errno));
  }
  REMIT_TRY(const std::string text, read_some(log.fd_.get(), kBaseLogBytes + 1));
  if (text.size() > kBaseLogBytes) {
    return fail(Code::kResourceExhausted, fmt::format("{} is larger than {} bytes", name, kBaseLogBytes));
  }
  REMIT_TRY(ParsedBaseLog parsed, parse_base_log(text));
  log.entries_ = std::move(parsed.entries);
  if (read_only) return log;
  if (parsed.whole_bytes < text.size() && ::ftruncate(log.fd_.get(), static_cast<off_t>(parsed.whole_bytes)) != 0) {
    return fail(errno_error("cut the torn end of " + name, errno));
  }
  if (parsed.whole_bytes == 0) log.pending_ = header_line();
  return log;
}

const Fingerprint* BaseLog::find(const std::string& path) const {
  const auto at = entries_.find(path);
  return at == entries_.end() ? nullptr : &at->second;
}

void BaseLog::add(const std::string& path, Fingerprint fingerprint) {
  const auto [at, fresh] = entries_.try_emplace(path, std::move(fingerprint));
  if (fresh) pending_ += base_log_line(path, at->second);
}

Result<> BaseLog::flush() {
  struct stat info{};
  if (pending_.empty()) return {};
  if (::fstat(fd_.get(), &info) != 0) return fail(errno_error("stat the log of fingerprints", errno));
  if (auto written = write_all(fd_.get(), pending_); !written) {
    // A half line in the middle would make the log unreadable.
    (void)::ftruncate(fd_.get(), info.st_size);
    return fail(written.error().wrap("write the log of fingerprints"));
  }
  pending_.clear();
  return {};
}

Result<> BaseLog::clear() {
  if (::ftruncate(fd_.get(), 0) != 0) return fail(errno_error("empty the log of fingerprints", errno));
  entries_.clear();
  pending_ = header_line();
  return {};
}

}  // namespace remit::sandbox
