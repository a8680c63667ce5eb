// Url: an absolute http or https URL, strictly (RFC 3986). No user information, no fragment, no characters that must be
// percent-encoded; the host is a DNS name, a dotted IPv4 address in its one usual form ("127.1" and "0x7f.1" are
// refused), or an IPv6 address in brackets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace remit::http {

struct Url {
  std::string scheme;  // "http" or "https"
  std::string host;    // Lower case, IPv6 without its brackets.
  std::uint16_t port = 0;
  std::string target;  // Path and query as on the wire; at least "/".
  bool host_is_ipv6 = false;

  bool is_tls() const { return scheme == "https"; }
  std::string authority() const;  // For the Host field: the port only when it is not the scheme's own.
  std::string origin() const;     // "https://host:port", always with the port.
  std::string to_string() const;
};

Result<Url> parse_url(std::string_view text);

// A Host field or CONNECT target: host[:port]. port is 0 when absent.
struct Authority {
  std::string host;
  std::uint16_t port = 0;
  bool host_is_ipv6 = false;
};
Result<Authority> parse_authority(std::string_view text);

// A target's parts: "/a/b?c=d" → "/a/b", "c=d".
std::string_view path_of(std::string_view target);
std::string_view query_of(std::string_view target);
// Fails on "%" without two hex digits and on NUL, written as %00 or bare. '+' stays '+'.
Result<std::string> percent_decode(std::string_view text);
std::string percent_encode(std::string_view text);  // All but RFC 3986's unreserved characters.
// "a=1&b=%20" in order, decoded ('+' is a space here).
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

}  // namespace remit::http
