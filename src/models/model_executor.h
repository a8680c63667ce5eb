// ModelExecutor: carries out permitted model calls by handing them to the provider that the request names. One shard's
// thread.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "core/executor.h"
#include "models/provider.h"

namespace remit::models {

class ModelExecutor final : public Executor {
 public:
  explicit ModelExecutor(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  // kAlreadyExists for a name that is taken, kResourceExhausted beyond limits::kProviders.
  Result<> add(std::unique_ptr<Provider> provider);
  // nullptr when there is none. A request that names no provider gets the only one, or the one called "default".
  Provider* find(std::string_view name) const;

  std::unique_ptr<Call> start(Permit&& permit, CallContext context) override;

 private:
  asio::any_io_executor executor_;
  std::map<std::string, std::unique_ptr<Provider>, std::less<>> providers_;
};

}  // namespace remit::models
