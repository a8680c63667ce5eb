// What strings of each format may hold. The matchers are written by hand (they run on every object); the patterns go
// into CRDs and a test compares the two.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "resource/schema/schema.h"

namespace remit::resource {

namespace {

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

template <typename Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::ranges::all_of(text, predicate);
}

bool has_control(std::string_view text) {
  return !all(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

bool is_dns_label(std::string_view text) {
  if (text.empty() || text.size() > limits::kLabelBytes) return false;
  return all(text, [](char c) { return is_lower_or_digit(c) || c == '-'; }) && text.front() != '-' &&
         text.back() != '-';
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > limits::kNameBytes) return false;
  const auto parts = split(text, '.');
  return std::ranges::all_of(parts, [](std::string_view part) {
    return !part.empty() && all(part, [](char c) { return is_lower_or_digit(c) || c == '-'; }) && part.front() != '-' &&
           part.back() != '-';
  });
}

// The part of a label key after the '/', and label values: alphanumeric at both ends.
bool is_label_word(std::string_view text) {
  if (text.empty() || text.size() > limits::kLabelBytes) return false;
  return all(text, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }) && is_alnum(text.front()) &&
         is_alnum(text.back());
}

bool is_qualified_name(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_label_word(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_label_word(text.substr(slash + 1));
}

bool is_relative_glob(std::string_view text) {
  if (text.empty() || text.front() == '/' || has_control(text)) return false;
  const auto parts = split(text, '/');
  return std::ranges::none_of(parts, [](std::string_view part) { return part == ".." || part == "."; });
}

bool is_tool_name(std::string_view text, bool with_glob) {
  return !text.empty() && all(text, [=](char c) {
    return is_alnum(c) || c == '.' || c == '_' || c == '-' || c == '/' || c == ':' || (with_glob && c == '*');
  });
}

bool is_host(std::string_view text) {
  if (text.starts_with("*.")) text.remove_prefix(2);
  if (text.empty() || text.size() > 253) return false;
  // An IPv6 address; what it means is the egress proxy's business.
  if (text.find(':') != std::string_view::npos)
    return all(text, [](char c) { return is_hex(c) || c == ':' || c == '.'; });
  return is_dns_subdomain(text);
}

bool is_http_url(std::string_view text) {
  const std::size_t scheme = text.starts_with("https://") ? 8 : text.starts_with("http://") ? 7 : 0;
  if (scheme == 0 || text.size() == scheme || text[scheme] == '/') return false;
  return all(text, [](char c) { return static_cast<unsigned char>(c) > 0x20 && static_cast<unsigned char>(c) < 0x7f; });
}

bool is_env_name(std::string_view text) {
  return !text.empty() && !is_digit(text.front()) && all(text, [](char c) { return is_alnum(c) || c == '_'; });
}

bool is_run_id(std::string_view text) {
  return text.size() == 26 && text.front() <= '7' && all(text, [](char c) {
           return is_digit(c) || (c >= 'A' && c <= 'Z' && c != 'I' && c != 'L' && c != 'O' && c != 'U');
         });
}

// "2026-11-24T01:02:03Z" or with an offset, any number of decimals. The calendar is not checked.
bool is_timestamp(std::string_view text) {
  static constexpr std::string_view kShape = "0000-00-00T00:00:00";
  if (text.size() <= kShape.size() || text.size() > 40) return false;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] == '0' ? !is_digit(text[i]) : text[i] != kShape[i]) return false;
  }
  text.remove_prefix(kShape.size());
  if (text.front() == '.') {
    const auto end = text.find_first_not_of("0123456789", 1);
    if (end == 1 || end == std::string_view::npos) return false;
    text.remove_prefix(end);
  }
  if (text == "Z") return true;
  return text.size() == 6 && (text[0] == '+' || text[0] == '-') && text[3] == ':' && is_digit(text[1]) &&
         is_digit(text[2]) && is_digit(text[4]) && is_digit(text[5]);
}

struct FormatInfo {
  std::string_view pattern;
  std::string_view expectation;
};

FormatInfo info_of(Format format) {
  switch (format) {
    case Format::kText: return {"", "text"};
    case Format::kLine: return {"^[^\\x00-\\x1f\\x7f]*$", "one line without control characters"};
    case Format::kDnsLabel:
      return {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
              "lower-case letters, digits and '-', with a letter or digit at both ends (DNS-1123 label)"};
    case Format::kDnsSubdomain:
      return {"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
              "lower-case letters, digits, '-' and '.', with a letter or digit at both ends (DNS-1123 subdomain)"};
    case Format::kPath: return {"^[^\\x00-\\x1f\\x7f]+$", "a path without control characters"};
    case Format::kRelativeGlob:
      return {"^[^/\\x00-\\x1f\\x7f][^\\x00-\\x1f\\x7f]*$",
              "a glob relative to the workspace, without '.' or '..' as a part and not starting with '/'"};
    case Format::kToolName: return {"^[A-Za-z0-9._/:-]+$", "letters, digits and . _ - / :"};
    case Format::kToolGlob: return {"^[A-Za-z0-9._/:*-]+$", "a tool name, with * for any characters"};
    case Format::kHost:
      return {"^((\\*\\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*|[0-9a-f:.]*:[0-9a-f:.]*)$",
              "a lower-case host name, *.domain or an IP address, without scheme and port"};
    case Format::kHttpUrl: return {"^https?://[!-.0-~][!-~]*$", "an http:// or https:// address"};
    case Format::kEnvName: return {"^[A-Za-z_][A-Za-z0-9_]*$", "the name of an environment variable"};
    case Format::kRunId: return {"^[0-7][0-9A-HJKMNP-TV-Z]{25}$", "a ULID of 26 characters"};
    case Format::kTraceId: return {"^[0-9a-f]{32}$", "32 lower-case hexadecimal digits"};
    case Format::kSha256: return {"^[0-9a-f]{64}$", "64 lower-case hexadecimal digits"};
    case Format::kTimestamp:
      return {"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$",
              "a time such as 2026-11-24T01:02:03Z"};
    case Format::kLabelKey:
    case Format::kQualifiedName:
      return {"^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$",
              "a name of letters, digits, '-', '_' and '.', perhaps after a DNS prefix and '/'"};
    case Format::kLabelValue:
      return {"^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$",
              "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"};
  }
  return {};
}

}  // namespace

std::string_view format_pattern(Format format) { return info_of(format).pattern; }
std::string_view format_expectation(Format format) { return info_of(format).expectation; }

bool matches_format(Format format, std::string_view text) {
  switch (format) {
    case Format::kText: return text.find('\0') == std::string_view::npos;
    case Format::kLine: return !has_control(text);
    case Format::kDnsLabel: return is_dns_label(text);
    case Format::kDnsSubdomain: return is_dns_subdomain(text);
    case Format::kPath: return !text.empty() && !has_control(text);
    case Format::kRelativeGlob: return is_relative_glob(text);
    case Format::kToolName: return is_tool_name(text, false);
    case Format::kToolGlob: return is_tool_name(text, true);
    case Format::kHost: return is_host(text);
    case Format::kHttpUrl: return is_http_url(text);
    case Format::kEnvName: return is_env_name(text);
    case Format::kRunId: return is_run_id(text);
    case Format::kTraceId: return text.size() == 32 && all(text, is_hex);
    case Format::kSha256: return text.size() == 64 && all(text, is_hex);
    case Format::kTimestamp: return is_timestamp(text);
    case Format::kLabelKey:
    case Format::kQualifiedName: return is_qualified_name(text);
    case Format::kLabelValue: return text.empty() || is_label_word(text);
  }
  return false;
}

}  // namespace remit::resource
