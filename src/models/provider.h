// Provider: one source of model answers. Lives on one shard's thread; not safe from others.
//
// start() never fails by itself: what goes wrong is in the outcome of Done. The call yields Chunk (text, reasoning),
// UsageReport, ProposedAction for each whole tool call, and Done, whose outcome holds the ModelResponse also when the
// stream broke off (ok is false then, and usage_known says whether usage is the provider's count or our estimate of
// what was seen). Events wait in a bounded channel: who does not read slows the provider down.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/call_context.h"
#include "core/executor.h"
#include "core/model.h"

namespace remit::models {

// Micro-USD per million tokens.
struct ModelPrices {
  std::int64_t input = 0;
  std::int64_t cached_input = 0;
  std::int64_t cache_write = 0;
  std::int64_t output = 0;
  std::int64_t reasoning = 0;
  friend bool operator==(const ModelPrices&, const ModelPrices&) = default;
};

class Provider {
 public:
  virtual ~Provider() = default;

  virtual const std::string& name() const = 0;
  // Recorded answers cost nothing real; their prices and usage are those of the recording.
  virtual bool recorded() const { return false; }
  // The prices that come with the provider itself (a recording's header); nullopt: ask the price table.
  virtual std::optional<ModelPrices> prices() const { return std::nullopt; }
  // What an attempt came to that began and was never settled, because the process died: nullopt when only the provider
  // knows.
  virtual std::optional<Usage> reconcile(const ModelRequest& request) const = 0;

  // The provider must outlive its calls.
  virtual std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext context) = 0;
};

}  // namespace remit::models
