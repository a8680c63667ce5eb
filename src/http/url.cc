#include "http/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "http/detail/syntax.h"
#include "http/limits.h"

namespace remit::http {

namespace {

constexpr std::size_t kHostBytes = 253;
constexpr std::size_t kLabelBytes = 63;

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_ipv4(const std::string& host) {
  std::array<unsigned char, 4> bytes{};
  return inet_pton(AF_INET, host.c_str(), bytes.data()) == 1;
}

bool is_ipv6(const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

bool is_label(std::string_view label) {
  // '_' is no host name's character, but is in names that clusters give.
  return !label.empty() && label.size() <= kLabelBytes && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

// A name whose last label is a number would be read as an IPv4 address by some and not by others: only the four-part
// form is taken.
bool looks_numeric(std::string_view label) {
  const std::string lower = to_lower(label);
  return detail::is_digits(lower) ||
         (lower.starts_with("0x") && lower.find_first_not_of("0123456789abcdef", 2) == std::string::npos);
}

Result<std::string> parse_host(std::string_view text) {
  std::string host = to_lower(text);
  if (host.size() > 1 && host.back() == '.') return fail(invalid_argument("the host ends with a dot"));
  if (host.empty() || host.size() > kHostBytes) return fail(invalid_argument("the host is empty or too long"));
  const std::vector<std::string_view> labels = split(host, '.');
  if (!std::all_of(labels.begin(), labels.end(), is_label)) {
    return fail(invalid_argument("the host is neither a DNS name nor an address: '" + printable(text, 80) + "'"));
  }
  if (looks_numeric(labels.back()) && !is_ipv4(host)) {
    return fail(invalid_argument("the host is a number but no dotted IPv4 address: '" + printable(text, 80) + "'"));
  }
  return host;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  if (!detail::is_digits(text) || text.size() > 5)
    return fail(invalid_argument("the port is not a number from 1 to 65535"));
  unsigned port = 0;
  for (const char c : text) port = port * 10 + unsigned(c - '0');
  if (port == 0 || port > 65535) return fail(invalid_argument("the port is not a number from 1 to 65535"));
  return std::uint16_t(port);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string bracketed(const std::string& host, bool is_v6) { return is_v6 ? "[" + host + "]" : host; }

Result<> check_target(std::string_view target) {
  constexpr std::string_view kMustBeEncoded = "\"<>\\^`{|}";
  if (!detail::is_target(target) || target.find_first_of(kMustBeEncoded) != std::string_view::npos) {
    return fail(invalid_argument("the URL has a character that must be percent-encoded, or a fragment"));
  }
  for (std::size_t i = target.find('%'); i != std::string_view::npos; i = target.find('%', i + 1)) {
    if (i + 2 >= target.size() || hex_digit(target[i + 1]) < 0 || hex_digit(target[i + 2]) < 0) {
      return fail(invalid_argument("the URL has '%' without two hexadecimal digits"));
    }
  }
  return {};
}

Result<std::string> decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return fail(invalid_argument("a NUL byte is not allowed"));
    if (text[i] != '%') {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0) return fail(invalid_argument("'%' without two hexadecimal digits"));
    if (high == 0 && low == 0) return fail(invalid_argument("%00 is not allowed"));
    out += char(high * 16 + low);
    i += 2;
  }
  return out;
}

}  // namespace

std::string Url::authority() const {
  const std::uint16_t default_port = is_tls() ? 443 : 80;
  std::string name = bracketed(host, host_is_ipv6);
  return port == default_port ? name : fmt::format("{}:{}", name, port);
}

std::string Url::origin() const { return fmt::format("{}://{}:{}", scheme, bracketed(host, host_is_ipv6), port); }

std::string Url::to_string() const { return scheme + "://" + authority() + target; }

Result<Authority> parse_authority(std::string_view text) {
  Authority authority;
  std::string_view rest;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return fail(invalid_argument("an IPv6 address without ']'"));
    authority.host = to_lower(text.substr(1, close - 1));
    authority.host_is_ipv6 = true;
    if (!is_ipv6(authority.host)) return fail(invalid_argument("not an IPv6 address in brackets"));
    rest = text.substr(close + 1);
  } else {
    const std::size_t colon = std::min(text.find(':'), text.size());
    REMIT_TRY(authority.host, parse_host(text.substr(0, colon)));
    rest = text.substr(colon);
  }
  if (rest.empty()) return authority;
  if (rest[0] != ':') return fail(invalid_argument("text after the host that is no port"));
  REMIT_TRY(authority.port, parse_port(rest.substr(1)));
  return authority;
}

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kUrlBytes) return fail(Code::kResourceExhausted, fmt::format("a URL over {} bytes", kUrlBytes));
  Url url;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == std::string_view::npos)
    return fail(invalid_argument("the URL has no scheme: write http:// or https://"));
  url.scheme = to_lower(text.substr(0, scheme_end));
  if (url.scheme != "http" && url.scheme != "https") {
    return fail(invalid_argument("the URL's scheme is neither http nor https: '" + printable(url.scheme, 40) + "'"));
  }
  text.remove_prefix(scheme_end + 3);
  const std::size_t authority_end = std::min(text.find_first_of("/?#"), text.size());
  const std::string_view authority_text = text.substr(0, authority_end);
  if (authority_text.find('@') != std::string_view::npos) {
    return fail(invalid_argument("the URL has user information; send credentials in a header"));
  }
  REMIT_TRY(Authority authority, parse_authority(authority_text));
  url.host = std::move(authority.host);
  url.host_is_ipv6 = authority.host_is_ipv6;
  url.port = authority.port != 0 ? authority.port : url.is_tls() ? 443 : 80;
  url.target = text.substr(authority_end);
  if (url.target.empty() || url.target[0] != '/') url.target.insert(0, "/");
  REMIT_CHECK_OK(check_target(url.target));
  return url;
}

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::string_view query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
}

Result<std::string> percent_decode(std::string_view text) { return decode(text, false); }

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string_view part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    REMIT_TRY(std::string name, decode(part.substr(0, equals), true));
    REMIT_TRY(std::string value, decode(part.substr(std::min(equals + 1, part.size())), true));
    pairs.emplace_back(std::move(name), std::move(value));
  }
  return pairs;
}

}  // namespace remit::http
