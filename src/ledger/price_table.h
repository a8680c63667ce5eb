// PriceTable: what a model's tokens cost. Prices are integer micro-USD per million tokens.
//
// Promises: an unknown model is never free. Its price is the configured ceiling, or there is none and find() fails with
// kFailedPrecondition and says how to add one. A price of 0 counts only where it is written down. A table is a value:
// copy it, then override. Reading is safe from any thread. The built-in prices are those of the providers' public price
// pages on the table's date.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "core/usage.h"

namespace remit::ledger {

inline constexpr std::size_t kPrices = 10'000;
inline constexpr std::int64_t kMaxPrice = 1'000'000'000'000;  // A million dollars per million tokens.
inline constexpr std::int64_t kMaxTokens =
    1'000'000'000'000;  // More tokens than this in one attempt are counted as this many.

// Each rate replaces the general one for its part of the usage; nothing is counted twice.
struct ModelPrice {
  std::int64_t input = 0;
  std::int64_t cached_input = 0;
  std::int64_t cache_write = 0;
  std::int64_t output = 0;
  std::int64_t reasoning = 0;
  friend bool operator==(const ModelPrice&, const ModelPrice&) = default;
};

// Summed in 128 bits and rounded up once. Never negative; counts below zero are taken as zero.
MicroUsd cost_of(const ModelPrice& price, const Usage& usage);

class PriceTable {
 public:
  // The prices that come with Remit.
  static const PriceTable& built_in();
  // {"version": "2025-10-01", "prices": [{"provider": "openai", "model": "gpt-4o*", "input": "2.50", "cachedInput":
  // "1.25", "output": "10"}]}: dollars per million tokens as decimal strings. `input` and `output` are required;
  // cachedInput and cacheWrite default to input, reasoning to output. `model` is a name or a glob with '*'; `provider`
  // may be left out or "*".
  static Result<PriceTable> parse(std::string_view json_text);

  // Goes before everything already in the table.
  Result<> add_override(std::string provider, std::string model_pattern, const ModelPrice& price);
  // The price of every model that the table does not know.
  void set_ceiling(std::optional<ModelPrice> ceiling) { ceiling_ = ceiling; }

  // Overrides first (the latest before the earlier), then exact names, then the longest matching glob, then the
  // ceiling. `provider` is the name of the ModelProvider; `dialect` ("openai", "anthropic", "") says whose public
  // prices hold when the name itself has none.
  Result<ModelPrice> find(std::string_view provider, std::string_view model, std::string_view dialect = "") const;

  const std::string& version() const { return version_; }

 private:
  struct Entry {
    std::string provider, pattern;
    ModelPrice price;
  };
  const Entry* best(std::string_view provider, std::string_view model) const;

  std::string version_ = "none";
  std::vector<Entry> overrides_;
  std::vector<Entry> entries_;
  std::optional<ModelPrice> ceiling_;
};

// Whether `text` matches `pattern`, in which '*' stands for any run of characters.
bool matches_glob(std::string_view pattern, std::string_view text);

}  // namespace remit::ledger
