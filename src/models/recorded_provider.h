// RecordedProvider: answers from a Recording, strictly. A request is found by its content (the whole conversation so
// far), never by counting, so a resumed run goes on at the right turn and identical requests get identical answers. One
// shard's thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/provider.h"
#include "models/recording.h"

namespace remit::models {

enum class ReplayMode : std::uint8_t {
  kStrict,   // A request that the recording does not hold fails and is told how it differs.
  kRefresh,  // Answers are taken in order and the requests that were really made are written into the recording; see
             // save().
};

class RecordedProvider final : public Provider {
 public:
  // kFailedPrecondition in strict mode when a turn does not know its request yet.
  static Result<std::unique_ptr<RecordedProvider>> make(asio::any_io_executor executor, std::string name,
                                                        Recording recording, ReplayMode mode, SecretMask secrets = {});

  const std::string& name() const override { return name_; }
  bool recorded() const override { return true; }
  std::optional<ModelPrices> prices() const override { return recording_.header().prices; }
  std::optional<Usage> reconcile(const ModelRequest&) const override { return Usage{}; }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext context) override;

  const Recording& recording() const { return recording_; }
  // Names of the turns that no request has asked for yet.
  std::vector<std::string> unused_turns() const;
  // Refresh mode: the recording with the requests that were seen. Fails with kFailedPrecondition when some turns were
  // not reached.
  Result<> save(const std::string& path) const;

 private:
  RecordedProvider(asio::any_io_executor executor, std::string name, Recording recording, ReplayMode mode,
                   Canonicalizer canonicalizer);

  Result<std::size_t> find_turn(const ModelRequest& request);
  Result<std::size_t> find_strict(const CanonicalRequest& request, const std::vector<std::string>& chain) const;
  Result<std::size_t> find_refresh(const CanonicalRequest& request, const std::vector<std::string>& chain,
                                   const ModelRequest& original);
  std::optional<std::size_t> exact_turn(const CanonicalRequest& request, const std::string& key) const;
  std::optional<std::size_t> next_turn(const CanonicalRequest& request, const std::vector<std::string>& chain,
                                       int previous);
  void note_request(std::size_t turn, const std::string& request_key);
  void index_turns();

  asio::any_io_executor executor_;
  std::string name_;
  Recording recording_;
  ReplayMode mode_;
  Canonicalizer canonicalizer_;
  // Hash of all messages of a request → the turns that answer it (they differ in setup); hash of those and the answer →
  // that turn.
  std::unordered_map<std::string, std::vector<std::size_t>> by_request_;
  std::unordered_map<std::string, std::size_t> by_answer_;
  std::vector<std::string> first_message_;  // Of each turn that was served in refresh mode.
  std::vector<bool> used_;
};

}  // namespace remit::models
