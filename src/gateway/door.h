// Door: one channel by which agents reach us. A new one is a decoder (wire → Action) and an encoder (Encoder: events →
// wire) and a Door that puts the two around carry(). All of it runs on the thread of the run's shard.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "action/pipeline.h"
#include "base/clock.h"
#include "base/rng.h"
#include "gateway/limits.h"
#include "http/server.h"
#include "mesh/catalogue.h"

namespace remit::gateway {

// The way to stop a call from outside its coroutine. Keeps a reason that comes before the call has begun.
class StopSignal {
 public:
  void cancel(CancelReason reason) {
    if (reason_) return;
    reason_ = reason;
    if (hook_) hook_(reason);
  }
  void on_cancel(std::function<void(CancelReason)> hook) {
    hook_ = std::move(hook);
    if (reason_ && hook_) hook_(*reason_);
  }

 private:
  std::optional<CancelReason> reason_;
  std::function<void(CancelReason)> hook_;
};

// What all doors of a run share. The referenced parts outlive the gateway and every call under way.
struct Corridor {
  asio::any_io_executor executor;
  action::Pipeline& pipeline;
  const mesh::Catalogue& catalogue;
  Clock& clock;
  Rng& rng;             // Fit for keys.
  CallContext context;  // Run, importance and deadline of what comes in.
  std::string provider;
  std::vector<std::string> models;
  std::function<bool(std::string_view tool)> may_allow;
  std::string instructions;
  GatewayLimits limits;
  bool stopping = false;
  std::set<std::shared_ptr<StopSignal>> under_way;  // Of the calls that carry() is at; as many as connections at most.
};

class Door {
 public:
  virtual ~Door() = default;
  virtual bool takes(std::string_view path) const = 0;
  // The answer to one request whose sender is who they should be.
  virtual Task<> serve(http::ServerRequest& request, http::ResponseWriter& response) = 0;
  // An error in the words of this channel.
  virtual http::Response error(const Error& error) const = 0;
};

// Says on the wire what becomes of one action. Exactly one of refused() and done() comes, and it comes last. A failure
// means that the client has gone; nothing more is then said.
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual Task<Result<>> refused(Verdict verdict, std::string explanation) = 0;
  virtual Task<Result<>> event(Event event) = 0;
  // Nothing has happened for GatewayLimits::keep_alive.
  virtual Task<Result<>> tick() = 0;
  virtual Task<Result<>> done(Outcome outcome) = 0;
};

enum class WhenClientGoes : std::uint8_t { kCancel, kGoOn };

// Governs `action`, and carries it to its end whatever its client does: the call is settled when this returns.
Task<> carry(std::shared_ptr<Corridor> corridor, Action action, CallContext context, std::shared_ptr<StopSignal> stop,
             WhenClientGoes when_client_goes, std::shared_ptr<Encoder> encoder);

}  // namespace remit::gateway
