// Strict names of hosts for egress rules (RFC 952/1123 letters, digits and hyphens; RFC 3986 authority without
// userinfo). What two parsers could read differently is refused: user names, escapes, NUL, a trailing dot, octal,
// hexadecimal or short IPv4, IPv6 zones. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace remit::policy {

inline constexpr std::size_t kHostBytes = 253;
inline constexpr std::size_t kUrlBytes = 8192;

struct Host {
  enum class Kind : std::uint8_t { kName, kIpv4, kIpv6 };
  Kind kind = Kind::kName;
  std::string text;  // Lower case; IPv6 in its canonical form (RFC 5952) without brackets.
  friend bool operator==(const Host&, const Host&) = default;
};

struct HostPort {
  Host host;
  std::uint16_t port = 443;
  std::string to_string() const;  // "example.com:443", "[::1]:80"
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

// A name, an IPv4 address in four decimal parts, or an IPv6 address in brackets.
Result<Host> parse_host(std::string_view text);
// "host:port" or, when default_port is not 0, "host" alone.
Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port = 0);
// The target of an http:// or https:// URL; the port defaults to that of the scheme.
Result<HostPort> parse_http_target(std::string_view url);

// What an egress rule names: a host, or "*.example.com" for one or more labels below it. A lone "*" is refused.
class HostPattern {
 public:
  static Result<HostPattern> parse(std::string_view text);
  bool matches(const Host& host) const;
  std::string to_string() const { return wildcard_ ? "*." + host_.text : host_.text; }

 private:
  bool wildcard_ = false;
  Host host_;
};

}  // namespace remit::policy
