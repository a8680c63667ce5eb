#include "api/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <vector>

#include "api/limits.h"
#include "base/strings.h"
#include "http/url.h"
#include "resource/meta.h"

namespace remit::api {

namespace {

constexpr std::size_t kDeepest = 8;  // Segments of the longest path there is.

Result<std::vector<std::string>> segments_of(std::string_view path) {
  if (path.size() > kTargetBytes)
    return fail(invalid_argument(fmt::format("the path has more than {} bytes", kTargetBytes)));
  if (!path.starts_with('/')) return fail(invalid_argument("the path does not begin with '/'"));
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  std::vector<std::string> out;
  for (const auto raw : split(path.substr(1), '/')) {
    if (out.size() == kDeepest) return fail(not_found(fmt::format("there is nothing at {}", printable(path, 200))));
    REMIT_TRY(auto segment, http::percent_decode(raw));
    // An encoded slash would make another path of it for whoever reads the log.
    if (segment.empty() || segment == "." || segment == ".." || segment.find('/') != std::string::npos ||
        !is_valid_utf8(segment)) {
      return fail(
          invalid_argument(fmt::format("the path {} has a segment that cannot be a name", printable(path, 200))));
    }
    out.push_back(std::move(segment));
  }
  return out;
}

const resource::KindInfo* kind_of_plural(std::string_view plural) {
  for (const auto& kind : resource::kinds()) {
    if (kind.plural == plural) return &kind;
  }
  return nullptr;
}

// What stands after /apis/remit.dev/v1alpha1; `nothing` for anything that is not there.
Result<Target> resource_target(std::vector<std::string> parts, const Error& nothing) {
  Target target;
  if (parts.empty()) return Target{TargetKind::kResources, nullptr, "", ""};
  if (parts[0] == "namespaces" && parts.size() > 2) {
    target.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  target.kind = kind_of_plural(parts[0]);
  if (!target.kind || (!target.ns.empty() && !target.kind->namespaced)) return fail(nothing);
  if (parts.size() > 1 && target.kind->namespaced && target.ns.empty()) return fail(nothing);
  if (parts.size() > 1) target.name = parts[1];
  if (parts.size() == 1) target.type = TargetKind::kCollection;
  if (parts.size() == 2) target.type = TargetKind::kObject;
  if (parts.size() == 3 && parts[2] == "status") {
    target.type = TargetKind::kStatus;
  } else if (parts.size() == 3 && parts[2] == "log" && target.kind->kind == "Mission") {
    target.type = TargetKind::kLog;
  } else if (parts.size() > 2) {
    return fail(nothing);
  }
  return target;
}

Result<bool> parse_flag(std::string_view key, std::string_view value) {
  if (value == "1" || value == "true" || value.empty()) return true;
  if (value == "0" || value == "false") return false;
  return fail(invalid_argument(fmt::format("{} must be true or false, not '{}'", key, printable(value, 40))));
}

Result<std::size_t> parse_count(std::string_view key, std::string_view value) {
  std::size_t out = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc() || end != value.data() + value.size() || out > 1'000'000'000) {
    return fail(invalid_argument(fmt::format("{} must be a whole number, not '{}'", key, printable(value, 40))));
  }
  return out;
}

Result<> parse_fields(std::string_view text, Query& query) {
  for (const auto part : split(text, ',')) {
    const auto term = trim(part);
    if (term.empty()) continue;
    const auto sign = term.find('=');
    const auto field = term.substr(0, sign);
    auto value = sign == std::string_view::npos ? std::string_view() : term.substr(sign + 1);
    if (value.starts_with('=')) value.remove_prefix(1);
    if (sign == std::string_view::npos || value.empty() ||
        (field != "metadata.name" && field != "metadata.namespace")) {
      return fail(invalid_argument(
          fmt::format("fieldSelector '{}' is not supported; metadata.name=NAME and metadata.namespace=NAME are",
                      printable(term, 80))));
    }
    (field == "metadata.name" ? query.name : query.ns) = value;
  }
  return {};
}

Result<> take(Query& query, std::string_view key, const std::string& value) {
  static constexpr std::string_view kIgnored[] = {"pretty", "fieldManager", "fieldValidation", "resourceVersionMatch",
                                                  "timeout"};
  if (key == "watch") {
    REMIT_TRY(query.watch, parse_flag(key, value));
  } else if (key == "allowWatchBookmarks") {
    REMIT_TRY(query.bookmarks, parse_flag(key, value));
  } else if (key == "follow") {
    REMIT_TRY(query.follow, parse_flag(key, value));
  } else if (key == "resourceVersion") {
    query.resource_version = value == "0" ? "" : value;  // "0": any version will do.
  } else if (key == "labelSelector") {
    query.selector_text = value;
    REMIT_TRY(query.selector, resource::LabelSelector::parse(value));
  } else if (key == "fieldSelector") {
    return parse_fields(value, query);
  } else if (key == "limit") {
    REMIT_TRY(query.limit, parse_count(key, value));
  } else if (key == "continue") {
    query.continue_token = value;
  } else if (key == "timeoutSeconds") {
    REMIT_TRY(const auto seconds, parse_count(key, value));
    query.timeout = std::chrono::seconds(seconds);
  } else if (key == "run") {
    query.run = value;
  } else if (std::find(std::begin(kIgnored), std::end(kIgnored), key) == std::end(kIgnored)) {
    return fail(invalid_argument(fmt::format("the query parameter '{}' is not supported", printable(key, 40))));
  }
  return {};
}

}  // namespace

Result<Target> parse_target(std::string_view path) {
  REMIT_TRY(auto parts, segments_of(path));
  const auto nothing = not_found(fmt::format("there is nothing at {}", printable(path, 200)));
  const auto is = [&](std::initializer_list<std::string_view> wanted) {
    return std::equal(parts.begin(), parts.end(), wanted.begin(), wanted.end());
  };
  if (is({"healthz"}) || is({"livez"}) || is({"readyz"})) return Target{};
  if (is({"version"})) return Target{TargetKind::kVersion, nullptr, "", ""};
  if (is({"api"})) return Target{TargetKind::kCoreVersions, nullptr, "", ""};
  if (is({"apis"})) return Target{TargetKind::kGroups, nullptr, "", ""};
  if (is({"apis", resource::kGroup})) return Target{TargetKind::kGroup, nullptr, "", ""};
  if (parts.size() < 3 || parts[0] != "apis" || parts[1] != resource::kGroup || parts[2] != resource::kVersion)
    return fail(nothing);
  parts.erase(parts.begin(), parts.begin() + 3);
  return resource_target(std::move(parts), nothing);
}

std::string path_of_object(const resource::KindInfo& kind, std::string_view ns, std::string_view name) {
  std::string out = fmt::format("/apis/{}", resource::kApiVersion);
  if (kind.namespaced && !ns.empty()) out += "/namespaces/" + http::percent_encode(ns);
  out += fmt::format("/{}", kind.plural);
  if (!name.empty()) out += "/" + http::percent_encode(name);
  return out;
}

Result<Query> parse_query(std::string_view text) {
  if (text.size() > kTargetBytes)
    return fail(invalid_argument(fmt::format("the query has more than {} bytes", kTargetBytes)));
  REMIT_TRY(const auto parameters, http::parse_query(text));
  if (parameters.size() > kQueryParameters)
    return fail(invalid_argument(fmt::format("the query has more than {} parameters", kQueryParameters)));
  Query query;
  for (const auto& [key, value] : parameters) {
    if (!is_valid_utf8(value))
      return fail(invalid_argument(fmt::format("the query parameter '{}' is not valid UTF-8", printable(key, 40))));
    REMIT_CHECK_OK(take(query, key, value));
  }
  return query;
}

}  // namespace remit::api
