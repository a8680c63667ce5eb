#include "gateway/guard.h"

#include <openssl/crypto.h>

#include "base/strings.h"
#include "gateway/limits.h"
#include "http/url.h"

namespace remit::gateway {
namespace {

std::string_view bearer_of(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return "";
  if (!http::equals_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) return "";
  return trim(authorization.substr(kScheme.size()));
}

}  // namespace

std::string make_run_key(Rng& rng) { return "rk-" + rng.hex(32); }

Guard::Guard(std::string_view key) : digest_(key.empty() ? "" : sha256_hex(key)) {}

bool Guard::matches(std::string_view key) const {
  if (digest_.empty() || key.empty() || key.size() > kKeyBytes) return false;
  const std::string digest = sha256_hex(key);
  return CRYPTO_memcmp(digest.data(), digest_.data(), digest_.size()) == 0;
}

Result<> Guard::admit(const http::HeaderTable& headers) const {
  if (const auto origin = headers.find("Origin"); origin && !is_local_origin(*origin)) {
    return fail(Code::kPermissionDenied,
                fmt::format("requests from web pages of {} are not taken", printable(*origin, 100)));
  }
  const auto bearer = bearer_of(headers.get("Authorization"));
  const auto api_key = headers.get("x-api-key");
  if (matches(bearer) || matches(api_key)) return {};
  if (bearer.empty() && api_key.empty()) {
    return fail(Code::kUnauthenticated,
                "the key of this run is missing; send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'");
  }
  return fail(Code::kUnauthenticated, "this is not the key of this run; the agent finds it in its environment");
}

bool is_local_origin(std::string_view origin) {
  if (origin.find('@') != origin.npos) return false;
  const auto url = http::parse_url(origin);
  if (!url) return false;
  return url->host == "localhost" || url->host == "127.0.0.1" || url->host == "::1" || url->host == "[::1]";
}

}  // namespace remit::gateway
