// Public list prices in dollars per million tokens. A dated snapshot ("-20*") costs what its alias costs, unless it
// stands here by itself. Cache writes are those that live for five minutes. Change the version with the prices: it goes
// into what we report.
#include "ledger/internal/built_in_prices.h"

namespace remit::ledger {

const std::string_view kBuiltInPrices = R"json({"version": "2025-10-15", "prices": [
  {"provider": "openai", "model": "gpt-5", "input": "1.25", "output": "10", "cachedInput": "0.125"},
  {"provider": "openai", "model": "gpt-5-20*", "input": "1.25", "output": "10", "cachedInput": "0.125"},
  {"provider": "openai", "model": "gpt-5-mini", "input": "0.25", "output": "2", "cachedInput": "0.025"},
  {"provider": "openai", "model": "gpt-5-mini-20*", "input": "0.25", "output": "2", "cachedInput": "0.025"},
  {"provider": "openai", "model": "gpt-5-nano", "input": "0.05", "output": "0.40", "cachedInput": "0.005"},
  {"provider": "openai", "model": "gpt-5-nano-20*", "input": "0.05", "output": "0.40", "cachedInput": "0.005"},
  {"provider": "openai", "model": "gpt-4.1", "input": "2", "output": "8", "cachedInput": "0.50"},
  {"provider": "openai", "model": "gpt-4.1-20*", "input": "2", "output": "8", "cachedInput": "0.50"},
  {"provider": "openai", "model": "gpt-4.1-mini", "input": "0.40", "output": "1.60", "cachedInput": "0.10"},
  {"provider": "openai", "model": "gpt-4.1-mini-20*", "input": "0.40", "output": "1.60", "cachedInput": "0.10"},
  {"provider": "openai", "model": "gpt-4.1-nano", "input": "0.10", "output": "0.40", "cachedInput": "0.025"},
  {"provider": "openai", "model": "gpt-4.1-nano-20*", "input": "0.10", "output": "0.40", "cachedInput": "0.025"},
  {"provider": "openai", "model": "gpt-4o", "input": "2.50", "output": "10", "cachedInput": "1.25"},
  {"provider": "openai", "model": "gpt-4o-20*", "input": "2.50", "output": "10", "cachedInput": "1.25"},
  {"provider": "openai", "model": "gpt-4o-2024-05-13", "input": "5", "output": "15"},
  {"provider": "openai", "model": "gpt-4o-mini", "input": "0.15", "output": "0.60", "cachedInput": "0.075"},
  {"provider": "openai", "model": "gpt-4o-mini-20*", "input": "0.15", "output": "0.60", "cachedInput": "0.075"},
  {"provider": "openai", "model": "o3", "input": "2", "output": "8", "cachedInput": "0.50"},
  {"provider": "openai", "model": "o3-20*", "input": "2", "output": "8", "cachedInput": "0.50"},
  {"provider": "openai", "model": "o4-mini", "input": "1.10", "output": "4.40", "cachedInput": "0.275"},
  {"provider": "openai", "model": "o4-mini-20*", "input": "1.10", "output": "4.40", "cachedInput": "0.275"},
  {"provider": "anthropic", "model": "claude-opus-4-1", "input": "15", "cachedInput": "1.50", "cacheWrite": "18.75", "output": "75"},
  {"provider": "anthropic", "model": "claude-opus-4-1-20*", "input": "15", "cachedInput": "1.50", "cacheWrite": "18.75", "output": "75"},
  {"provider": "anthropic", "model": "claude-opus-4-0", "input": "15", "cachedInput": "1.50", "cacheWrite": "18.75", "output": "75"},
  {"provider": "anthropic", "model": "claude-opus-4-20*", "input": "15", "cachedInput": "1.50", "cacheWrite": "18.75", "output": "75"},
  {"provider": "anthropic", "model": "claude-sonnet-4-5", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-sonnet-4-5-20*", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-sonnet-4-0", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-sonnet-4-20*", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-3-7-sonnet-latest", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-3-7-sonnet-20*", "input": "3", "cachedInput": "0.30", "cacheWrite": "3.75", "output": "15"},
  {"provider": "anthropic", "model": "claude-haiku-4-5", "input": "1", "cachedInput": "0.10", "cacheWrite": "1.25", "output": "5"},
  {"provider": "anthropic", "model": "claude-haiku-4-5-20*", "input": "1", "cachedInput": "0.10", "cacheWrite": "1.25", "output": "5"},
  {"provider": "anthropic", "model": "claude-3-5-haiku-latest", "input": "0.80", "cachedInput": "0.08", "cacheWrite": "1", "output": "4"},
  {"provider": "anthropic", "model": "claude-3-5-haiku-20*", "input": "0.80", "cachedInput": "0.08", "cacheWrite": "1", "output": "4"}
]})json";

}  // namespace remit::ledger
