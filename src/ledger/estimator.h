// Estimator: how many tokens a model request may come to, learned from how many earlier ones did.
//
// Input: bytes of the request times a tokens-per-byte bound that starts pessimistic and follows the densest requests
// seen. Output: what the request allows, else the 95th percentile of earlier answers of that model, else a default. One
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>

#include "core/model.h"

namespace remit::ledger {

inline constexpr std::size_t kModelsLearned = 64;
inline constexpr std::size_t kAnswersLearned = 64;
inline constexpr std::size_t kAnswersNeeded = 8;  // Before this many answers the default holds.
inline constexpr std::int64_t kDefaultOutputTokens = 4096;
inline constexpr double kFirstTokensPerByte = 0.5;  // English text has about 0.25, dense JSON and code about 0.4.
inline constexpr double kLeastTokensPerByte = 0.125;
inline constexpr double kMostTokensPerByte = 1.0;  // A byte-level tokenizer cannot do worse.
inline constexpr double kTokensPerByteMargin = 1.15;
inline constexpr std::int64_t kTokensPerMessage = 8;  // Role and separators.

struct TokenEstimate {
  std::int64_t input = 0;
  std::int64_t output = 0;
};

// Bytes of everything in the request that becomes tokens.
std::int64_t request_bytes(const ModelRequest& request);

class Estimator {
 public:
  TokenEstimate estimate(const ModelRequest& request) const;
  // What a request of that many bytes and messages really came to.
  void learn(const ModelRequest& request, const Usage& usage);

 private:
  struct Model {
    double tokens_per_byte = kFirstTokensPerByte;
    bool measured = false;
    std::deque<std::int64_t> answers;
  };
  std::map<std::string, Model> models_;  // By "provider/model".
};

}  // namespace remit::ledger
