#include "ledger/price_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/json.h"
#include "ledger/internal/built_in_prices.h"

namespace remit::ledger {
namespace {

std::int64_t tokens(std::int64_t count) { return std::clamp<std::int64_t>(count, 0, kMaxTokens); }

Result<> check_price(const ModelPrice& price) {
  for (const std::int64_t rate : {price.input, price.cached_input, price.cache_write, price.output, price.reasoning}) {
    if (rate < 0 || rate > kMaxPrice) {
      return fail(invalid_argument(
          fmt::format("a price of {} micro-USD per million tokens is outside 0 to {}", rate, kMaxPrice)));
    }
  }
  return {};
}

// A member of a price, the fallback when it is absent.
Result<std::int64_t> rate(const json::object& object, std::string_view key, std::optional<std::int64_t> fallback) {
  const json::value* value = find(object, key);
  if (!value && fallback) return *fallback;
  if (!value)
    return fail(invalid_argument(fmt::format("a price needs '{}': dollars per million tokens, such as \"2.50\"", key)));
  const auto* text = value->if_string();
  if (!text)
    return fail(invalid_argument(fmt::format("'{}' of a price must be a decimal string, such as \"2.50\"", key)));
  auto amount = parse_usd({text->data(), text->size()});
  if (!amount) return fail(amount.error().wrap(fmt::format("'{}' of a price", key)));
  return amount->value;
}

Result<ModelPrice> parse_price(const json::object& object) {
  ModelPrice price;
  REMIT_TRY(price.input, rate(object, "input", std::nullopt));
  REMIT_TRY(price.output, rate(object, "output", std::nullopt));
  REMIT_TRY(price.cached_input, rate(object, "cachedInput", price.input));
  REMIT_TRY(price.cache_write, rate(object, "cacheWrite", price.input));
  REMIT_TRY(price.reasoning, rate(object, "reasoning", price.output));
  REMIT_CHECK_OK(check_price(price));
  return price;
}

Result<> check_known_members(const json::object& object) {
  constexpr std::string_view kKnown[] = {"provider",   "model",  "input",    "cachedInput",
                                         "cacheWrite", "output", "reasoning"};
  for (const auto& member : object) {
    const std::string_view key(member.key().data(), member.key().size());
    if (std::ranges::find(kKnown, key) == std::end(kKnown))
      return fail(invalid_argument(fmt::format("a price has no '{}'", key)));
  }
  return {};
}

}  // namespace

MicroUsd cost_of(const ModelPrice& price, const Usage& usage) {
  const std::int64_t cached = tokens(usage.cached_input), written = tokens(usage.cache_write),
                     reasoning = tokens(usage.reasoning);
  const std::int64_t fresh = std::max<std::int64_t>(tokens(usage.input) - cached - written, 0);
  const std::int64_t prose = std::max<std::int64_t>(tokens(usage.output) - reasoning, 0);
  __extension__ using Wide = __int128;
  const Wide sum = Wide(fresh) * price.input + Wide(cached) * price.cached_input + Wide(written) * price.cache_write +
                   Wide(prose) * price.output + Wide(reasoning) * price.reasoning;
  constexpr Wide kMillion = 1'000'000;
  const Wide rounded = (sum + kMillion - 1) / kMillion;
  return {static_cast<std::int64_t>(std::min<Wide>(rounded, kMoneyLimit.value))};
}

bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++mark;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

const PriceTable& PriceTable::built_in() {
  static const PriceTable table = [] {
    auto parsed = parse(kBuiltInPrices);
    if (!parsed) std::abort();  // A constant of ours that a test reads.
    return std::move(*parsed);
  }();
  return table;
}

Result<PriceTable> PriceTable::parse(std::string_view json_text) {
  REMIT_TRY(const json::object root, parse_json_object(json_text));
  PriceTable table;
  table.version_ = get_string(root, "version");
  const json::array* prices = find_array(root, "prices");
  if (table.version_.empty() || !prices) return fail(invalid_argument("a price table needs 'version' and 'prices'"));
  if (prices->size() > kPrices) {
    return fail(Code::kResourceExhausted,
                fmt::format("a price table of {} prices is larger than kPrices ({})", prices->size(), kPrices));
  }
  for (const json::value& value : *prices) {
    const json::object* object = value.if_object();
    if (!object) return fail(invalid_argument("every member of 'prices' must be an object"));
    const std::string model(get_string(*object, "model"));
    if (model.empty()) return fail(invalid_argument("a price needs 'model': a name, or a glob with '*'"));
    REMIT_CHECK_OK(check_known_members(*object));
    auto price = parse_price(*object);
    if (!price) return fail(price.error().wrap("model " + model));
    table.entries_.push_back({std::string(get_string(*object, "provider", "*")), model, *price});
  }
  return table;
}

Result<> PriceTable::add_override(std::string provider, std::string model_pattern, const ModelPrice& price) {
  REMIT_CHECK_OK(check_price(price));
  if (model_pattern.empty()) return fail(invalid_argument("a price needs the name of a model"));
  if (overrides_.size() >= kPrices) {
    return fail(Code::kResourceExhausted, fmt::format("there are already kPrices ({}) prices of your own", kPrices));
  }
  overrides_.insert(overrides_.begin(), {std::move(provider), std::move(model_pattern), price});
  return {};
}

// The exact name, else the longest glob.
const PriceTable::Entry* PriceTable::best(std::string_view provider, std::string_view model) const {
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.provider != "*" && entry.provider != provider) continue;
    if (entry.pattern == model) return &entry;
    if (matches_glob(entry.pattern, model) && (!best || entry.pattern.size() > best->pattern.size())) best = &entry;
  }
  return best;
}

Result<ModelPrice> PriceTable::find(std::string_view provider, std::string_view model, std::string_view dialect) const {
  for (const Entry& entry : overrides_) {
    if (matches_glob(entry.provider, provider) && matches_glob(entry.pattern, model)) return entry.price;
  }
  if (const Entry* entry = best(provider, model)) return entry->price;
  if (const Entry* entry = dialect.empty() ? nullptr : best(dialect, model)) return entry->price;
  if (ceiling_) return *ceiling_;
  return fail(
      Code::kFailedPrecondition,
      fmt::format(
          "no price is known for model '{}' of provider '{}' (price table {}); add one to the ModelProvider, or set a "
          "ceiling for unknown models",
          model, provider, version_));
}

}  // namespace remit::ledger
