#include "api/key_file.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/limits.h"
#include "base/file.h"
#include "base/strings.h"

namespace remit::api {

Result<std::string> open_key(const std::string& path, Rng& rng) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno != ENOENT) return fail(errno_error("stat " + path, errno));
    const std::string key = rng.hex(kKeyBytes);
    REMIT_CHECK_OK(write_file_atomic(path, key + "\n", 0600));
    return key;
  }
  if (!S_ISREG(found.st_mode) || (found.st_mode & 077) != 0 || found.st_uid != ::geteuid()) {
    return fail(
        Code::kFailedPrecondition,
        fmt::format("{} must be a file of yours with mode 0600; it is the key to the API. Remove it for a new one",
                    path));
  }
  REMIT_TRY(const auto text, read_file(path, kKeyFileBytes));
  const std::string key(trim(text));
  if (key.size() < kKeyBytes)
    return fail(Code::kFailedPrecondition,
                fmt::format("the key in {} is too short; remove the file for a new one", path));
  return key;
}

bool same_key(std::string_view given, std::string_view expected) {
  // The digests have one length whatever was given.
  const std::string left = sha256_hex(given), right = sha256_hex(expected);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

}  // namespace remit::api
