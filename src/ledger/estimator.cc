#include "ledger/estimator.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/json.h"

namespace remit::ledger {
namespace {

std::string key_of(const ModelRequest& request) { return request.provider + "/" + request.model; }

std::int64_t pieces(const ModelRequest& request) {
  return static_cast<std::int64_t>(request.messages.size() + request.tools.size() + 1);
}

std::int64_t percentile_95(const std::deque<std::int64_t>& answers) {
  std::vector<std::int64_t> sorted(answers.begin(), answers.end());
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() * 95 / 100);
  std::nth_element(sorted.begin(), at, sorted.end());
  return *at;
}

}  // namespace

std::int64_t request_bytes(const ModelRequest& request) {
  std::size_t bytes = 0;
  for (const Message& message : request.messages) {
    bytes += message.text.size() + message.reasoning.size() + message.tool_use_id.size();
    if (!message.extra.empty()) bytes += to_json(message.extra).size();
    for (const ToolUse& use : message.tool_uses) bytes += use.id.size() + use.name.size() + use.arguments.size();
  }
  for (const ToolSpec& tool : request.tools) {
    bytes += tool.name.size() + tool.description.size() + to_json(tool.input_schema).size();
  }
  return static_cast<std::int64_t>(bytes);
}

TokenEstimate Estimator::estimate(const ModelRequest& request) const {
  const auto found = models_.find(key_of(request));
  const double density = found == models_.end() ? kFirstTokensPerByte : found->second.tokens_per_byte;
  TokenEstimate estimate;
  estimate.input = static_cast<std::int64_t>(std::ceil(double(request_bytes(request)) * density)) +
                   pieces(request) * kTokensPerMessage;
  estimate.output = kDefaultOutputTokens;
  if (request.max_output_tokens > 0) {
    estimate.output = request.max_output_tokens;
  } else if (found != models_.end() && found->second.answers.size() >= kAnswersNeeded) {
    estimate.output = percentile_95(found->second.answers);
  }
  return estimate;
}

void Estimator::learn(const ModelRequest& request, const Usage& usage) {
  const std::int64_t bytes = request_bytes(request);
  if (usage.input <= 0 || bytes <= 0) return;
  const std::string key = key_of(request);
  if (!models_.contains(key) && models_.size() >= kModelsLearned) return;
  Model& model = models_[key];
  const double seen =
      double(std::max<std::int64_t>(usage.input - pieces(request) * kTokensPerMessage, 0)) / double(bytes);
  const double bound = std::clamp(seen * kTokensPerByteMargin, kLeastTokensPerByte, kMostTokensPerByte);
  // The first measurement replaces the guess; later ones only raise the bound, or let it sink slowly.
  const double sunk = model.measured ? model.tokens_per_byte * 0.98 + bound * 0.02 : bound;
  model.tokens_per_byte = std::max(sunk, bound);
  model.measured = true;
  model.answers.push_back(usage.output);
  if (model.answers.size() > kAnswersLearned) model.answers.pop_front();
}

}  // namespace remit::ledger
