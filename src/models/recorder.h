// Recorder: a provider that hands each call on to a live one and writes the whole answers down as a Recording, secrets
// masked. Answers that failed or broke off are not written. While the run goes on the turns are appended to
// PATH.partial; finish() puts the whole file into its place atomically. One shard's thread.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "models/provider.h"
#include "models/recording.h"

namespace remit::models {

class Recorder final : public Provider {
 public:
  // `description` completes the header: "recorded from <description> on <date>". Fails when PATH.partial cannot be
  // made.
  static Result<std::unique_ptr<Recorder>> make(std::unique_ptr<Provider> inner, std::string description,
                                                RecordingHeader header, std::string path, SecretMask secrets,
                                                const Clock& clock);
  ~Recorder() override;

  const std::string& name() const override { return inner_->name(); }
  std::optional<ModelPrices> prices() const override { return inner_->prices(); }
  std::optional<Usage> reconcile(const ModelRequest& request) const override { return inner_->reconcile(request); }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext context) override;

  // Notes one turn. Called by the calls that start() makes; public for tools that convert other logs.
  Result<> record(const ModelRequest& request, const ModelResponse& response);
  // Writes the file and removes the partial one. Idempotent; record() fails afterwards.
  Result<> finish();
  const Recording& recording() const;

 private:
  struct State;
  Recorder(std::unique_ptr<Provider> inner, std::shared_ptr<State> state);
  static Result<> record_into(State& state, const ModelRequest& request, const ModelResponse& response);

  std::unique_ptr<Provider> inner_;
  std::shared_ptr<State> state_;
};

}  // namespace remit::models
