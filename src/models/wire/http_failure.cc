#include "models/wire/http_failure.h"

#include <fmt/format.h>
#include <time.h>

#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/strings.h"
#include "models/limits.h"

namespace remit::models::wire {
namespace {

std::string provider_name(const ProviderConfig& config) {
  return fmt::format("model provider '{}' ({}, {})", config.name, to_string(config.type), effective_base_url(config));
}

struct Said {
  std::string message;
  std::string kind;
};

// The error's own words. Both dialects have {"error": {"message", "type", "code"}}; imitations have detail or message.
Said words_of(std::string_view body, const ProviderConfig& config) {
  SecretMask mask;
  mask.add(config.api_key);
  Said said;
  if (const auto parsed = parse_json_object(body)) {
    const auto* error = find_object(*parsed, "error");
    const json::object& holder = error ? *error : *parsed;
    for (const std::string_view member : {"message", "detail", "error"}) {
      if (said.message.empty()) said.message = get_string(holder, member);
    }
    said.kind = get_string(holder, "code", get_string(holder, "type"));
  }
  if (said.message.empty()) said.message = trim(body);
  said.message = printable(mask(said.message), limits::kErrorExcerptBytes);
  return said;
}

std::string key_hint(const ProviderConfig& config) {
  if (config.api_key.empty() && config.api_key_source.empty()) return "no key is configured; give one";
  if (config.api_key.empty()) return fmt::format("no key was sent: set {}", config.api_key_source);
  return fmt::format("it does not take the key of {}",
                     config.api_key_source.empty() ? "its configuration" : config.api_key_source);
}

Code code_of(int status) {
  switch (status) {
    case 400:
    case 413:
    case 422: return Code::kInvalidArgument;
    case 401: return Code::kUnauthenticated;
    case 402:
    case 429: return Code::kResourceExhausted;
    case 403: return Code::kPermissionDenied;
    case 404: return Code::kNotFound;
    default: return status == 408 || status == 409 || status >= 500 ? Code::kUnavailable : Code::kFailedPrecondition;
  }
}

std::string what_happened(const ProviderConfig& config, std::string_view model, const FailedAnswer& answer) {
  switch (answer.status) {
    case 401: return fmt::format("refused the key: {}", key_hint(config));
    case 403: return "does not permit this: the key may lack access to the model or the project";
    case 402: return "wants to be paid: check the account's balance";
    case 404: return fmt::format("knows no model '{}', or its address is wrong", printable(model, 80));
    case 413: return "takes no request this large";
    case 429: return "is asked too often, or the account's quota is used up";
    case 529: return "is overloaded";
    case 408: return "gave up waiting";
    default: break;
  }
  if (answer.status >= 300 && answer.status < 400) {
    return fmt::format("redirects to {}, which is not followed; put the right address into its configuration",
                       printable(answer.location, 200));
  }
  if (answer.status == 400 || answer.status == 422) return "refused the request as wrong";
  return answer.status >= 500 ? "has a fault of its own" : "refused the request";
}

bool is_retryable(const FailedAnswer& answer, const Said& said) {
  if (answer.should_retry == "true") return true;
  if (answer.should_retry == "false") return false;
  // OpenAI says 429 for an empty account too, where no waiting helps.
  if (said.kind == "insufficient_quota" || said.kind == "billing_hard_limit_reached") return false;
  return answer.status == 408 || answer.status == 409 || answer.status == 429 ||
         (answer.status >= 500 && answer.status != 501 && answer.status != 505);
}

std::optional<Duration> from_seconds(double seconds) {
  constexpr double kMost = 365.0 * 24 * 3600;
  if (!std::isfinite(seconds) || seconds < 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(std::min(seconds, kMost)));
}

std::optional<double> parse_number(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<Duration> parse_retry_after(std::string_view value, WallTime now) {
  value = trim(value);
  if (const auto seconds = parse_number(value)) return from_seconds(*seconds);
  tm parts{};
  const std::string text(value);
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (!end || *end != '\0') return std::nullopt;
  const auto at = WallTime(std::chrono::seconds(::timegm(&parts)));
  return std::max(at - now, Duration::zero());
}

UpstreamFailure explain_status(const ProviderConfig& config, std::string_view model, const FailedAnswer& answer,
                               WallTime now) {
  const Said said = words_of(answer.body, config);
  std::string text =
      fmt::format("{} {} (HTTP {})", provider_name(config), what_happened(config, model, answer), answer.status);
  if (!said.message.empty()) text += fmt::format(": {}", said.message);
  UpstreamFailure failure{Error(code_of(answer.status), std::move(text)), is_retryable(answer, said), std::nullopt};
  if (const auto ms = parse_number(trim(answer.retry_after_ms))) failure.retry_after = from_seconds(*ms / 1000);
  if (!failure.retry_after && !answer.retry_after.empty())
    failure.retry_after = parse_retry_after(answer.retry_after, now);
  return failure;
}

UpstreamFailure explain_transport(const ProviderConfig& config, const Error& error) {
  const bool retryable = error.code() == Code::kUnavailable || error.code() == Code::kDataLoss;
  std::string_view what = "could not be reached";
  if (error.code() == Code::kDeadlineExceeded) what = "did not answer in time";
  if (error.code() == Code::kDataLoss) what = "broke the connection off";
  if (error.code() == Code::kInvalidArgument) what = "cannot be asked";
  return {Error(error.code(), fmt::format("{} {}", provider_name(config), what), error), retryable, std::nullopt};
}

}  // namespace remit::models::wire
