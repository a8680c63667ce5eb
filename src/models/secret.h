// Secret: a key that never shows itself. SecretMask: takes secrets out of any text before it is written down.
// Both are values without shared state; const use is safe from any thread.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <vector>

namespace remit::models {

inline constexpr std::string_view kMasked = "***";

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}

  bool empty() const { return value_.empty(); }
  // For the one place that sends it. Never log, store or put into an Error what this returns.
  const std::string& reveal() const { return value_; }

 private:
  std::string value_;
};

// Replaces known secrets, and what has the well-known form of one (sk-…, ghp_…, AKIA…, "Bearer …", private keys), by
// ***.
class SecretMask {
 public:
  SecretMask() = default;
  // Values under 8 bytes are ignored: they would blank ordinary words.
  void add(const Secret& secret);
  std::string operator()(std::string_view text) const;

 private:
  std::vector<std::string> values_;  // Longest first.
};

}  // namespace remit::models

template <>
struct fmt::formatter<remit::models::Secret> : fmt::formatter<std::string_view> {
  template <typename Context>
  auto format(const remit::models::Secret& secret, Context& context) const {
    return fmt::formatter<std::string_view>::format(secret.empty() ? "" : remit::models::kMasked, context);
  }
};
