#include "policy/host.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/strings.h"

namespace remit::policy {

static std::unexpected<Error> refuse(std::string_view text, std::string_view why) {
  return fail(Code::kInvalidArgument, fmt::format("'{}' is no host: {}", printable(text, 120), why));
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Four decimal parts without leading zeros, each at most 255.
static bool is_ipv4(std::string_view text) {
  const auto parts = split(text, '.');
  if (parts.size() != 4) return false;
  return std::ranges::all_of(parts, [](std::string_view part) {
    unsigned value = 0;
    if (part.empty() || part.size() > 3 || (part.size() > 1 && part[0] == '0') || !std::ranges::all_of(part, is_digit))
      return false;
    std::from_chars(part.data(), part.data() + part.size(), value);
    return value <= 255;
  });
}

static Result<Host> parse_ipv6(std::string_view text) {
  std::array<unsigned char, 16> address;
  std::array<char, INET6_ADDRSTRLEN> canonical;
  const std::string inner(text.substr(1, text.size() - 2));
  if (inner.contains('%')) return refuse(text, "an IPv6 zone has no meaning here");
  if (inner.contains('\0') || inet_pton(AF_INET6, inner.c_str(), address.data()) != 1)
    return refuse(text, "no IPv6 address in the brackets");
  inet_ntop(AF_INET6, address.data(), canonical.data(), canonical.size());
  return Host{Host::Kind::kIpv6, canonical.data()};
}

static Result<> check_label(std::string_view text, std::string_view label) {
  if (label.empty())
    return refuse(text, text.ends_with('.') ? "drop the dot at its end" : "a part between dots is empty");
  if (label.size() > 63) return refuse(text, "a part between dots has more than 63 characters");
  if (label.front() == '-' || label.back() == '-') return refuse(text, "a part begins or ends with '-'");
  for (const char c : label) {
    if (!is_letter(c) && !is_digit(c) && c != '-')
      return refuse(text, "a name has letters, digits and '-' between dots (write other scripts as xn--…)");
  }
  return {};
}

Result<Host> parse_host(std::string_view text) {
  if (text.empty()) return fail(Code::kInvalidArgument, "the host is empty");
  if (text.size() > kHostBytes)
    return fail(Code::kResourceExhausted, fmt::format("a host has more than {} bytes (kHostBytes)", kHostBytes));
  if (text.starts_with('[') && text.ends_with(']')) return parse_ipv6(text);
  if (is_ipv4(text)) return Host{Host::Kind::kIpv4, std::string(text)};
  const auto labels = split(text, '.');
  for (const auto label : labels) REMIT_CHECK_OK(check_label(text, label));
  // What ends in a number is an address to some parsers (0x7f.1, 017700000001): the WHATWG URL rule.
  const auto last = to_lower(labels.back());
  if (std::ranges::all_of(last, is_digit) || (last.starts_with("0x"))) {
    return refuse(text, "an IPv4 address is four decimal numbers from 0 to 255 without leading zeros");
  }
  return Host{Host::Kind::kName, to_lower(text)};
}

static Result<std::uint16_t> parse_port(std::string_view text, std::string_view digits) {
  unsigned value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = code == std::errc() && end == digits.data() + digits.size() && digits.size() <= 5;
  if (!whole || !is_digit(digits.front()) || digits.front() == '0' || value > 65535)
    return refuse(text, "a port is a number from 1 to 65535");
  return static_cast<std::uint16_t>(value);
}

Result<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
  const auto bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return refuse(text, "a '[' without its ']'");
  const auto colon = text.find(':', bracket);
  HostPort out;
  REMIT_TRY(out.host, parse_host(text.substr(0, colon)));
  if (colon != std::string_view::npos) {
    if (colon + 1 == text.size()) return refuse(text, "a ':' without a port");
    REMIT_TRY(out.port, parse_port(text, text.substr(colon + 1)));
  } else if (default_port == 0) {
    return refuse(text, "the port is missing");
  } else {
    out.port = default_port;
  }
  return out;
}

Result<HostPort> parse_http_target(std::string_view url) {
  if (url.size() > kUrlBytes)
    return fail(Code::kResourceExhausted, fmt::format("the URL has more than {} bytes (kUrlBytes)", kUrlBytes));
  const auto bad = std::ranges::find_if(url, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '\\';
  });
  if (bad != url.end())
    return fail(Code::kInvalidArgument,
                fmt::format("the URL '{}' holds a blank, a backslash, a control or a character beyond ASCII",
                            printable(url, 120)));
  const auto scheme_end = url.find("://");
  const auto scheme = to_lower(url.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
  if (scheme != "http" && scheme != "https")
    return fail(Code::kInvalidArgument,
                fmt::format("the URL '{}' does not begin with http:// or https://", printable(url, 120)));
  const auto rest = url.substr(scheme_end + 3);
  const auto authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.contains('@'))
    return fail(Code::kInvalidArgument,
                fmt::format("the URL '{}' carries a user name; leave out what stands before '@'", printable(url, 120)));
  return parse_host_port(authority, scheme == "https" ? 443 : 80);
}

std::string HostPort::to_string() const {
  return host.kind == Host::Kind::kIpv6 ? fmt::format("[{}]:{}", host.text, port)
                                        : fmt::format("{}:{}", host.text, port);
}

Result<HostPattern> HostPattern::parse(std::string_view text) {
  HostPattern out;
  out.wildcard_ = text.starts_with("*.");
  if (text == "*")
    return refuse(text, "a rule for every host permits everything; name hosts, or '*.example.com' for those below one");
  REMIT_TRY(out.host_, parse_host(out.wildcard_ ? text.substr(2) : text));
  if (out.wildcard_ && out.host_.kind != Host::Kind::kName) return refuse(text, "an address has nothing below it");
  return out;
}

bool HostPattern::matches(const Host& host) const {
  if (!wildcard_) return host == host_;
  if (host.kind != Host::Kind::kName) return false;
  return host.text.size() > host_.text.size() + 1 && host.text.ends_with(host_.text) &&
         host.text[host.text.size() - host_.text.size() - 1] == '.';
}

}  // namespace remit::policy
