#include "models/model_executor.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "core/event_channel.h"
#include "models/limits.h"

namespace remit::models {
namespace {

Task<Outcome> failed(Error error, std::shared_ptr<EventSink>) { co_return failed_outcome(std::move(error)); }

std::unique_ptr<Call> failed_call(const asio::any_io_executor& executor, Error error) {
  return make_call(executor, [error](std::shared_ptr<EventSink> sink) { return failed(error, std::move(sink)); });
}

}  // namespace

Result<> ModelExecutor::add(std::unique_ptr<Provider> provider) {
  const std::string name = provider->name();
  if (providers_.size() >= limits::kProviders) {
    return fail(
        Code::kResourceExhausted,
        fmt::format("model provider '{}': there are {} already, the limit (kProviders)", name, limits::kProviders));
  }
  if (!providers_.emplace(name, std::move(provider)).second) {
    return fail(Code::kAlreadyExists, fmt::format("there are two model providers named '{}'", name));
  }
  return {};
}

Provider* ModelExecutor::find(std::string_view name) const {
  if (name.empty() && providers_.size() == 1) return providers_.begin()->second.get();
  const auto found = providers_.find(name.empty() ? std::string_view("default") : name);
  return found == providers_.end() ? nullptr : found->second.get();
}

std::unique_ptr<Call> ModelExecutor::start(Permit&& permit, CallContext context) {
  const Action& action = permit.action();
  if (action.kind != ActionKind::kModelCall || !action.model_request) {
    return failed_call(
        executor_,
        internal_error(fmt::format("the models module was given the action {}, which is no model call", action.tool)));
  }
  Provider* provider = find(action.model_request->provider);
  if (!provider) {
    std::vector<std::string> names;
    for (const auto& [name, _] : providers_) names.push_back(name);
    return failed_call(executor_, not_found(fmt::format("there is no model provider named '{}'; there {}: {}",
                                                        printable(action.model_request->provider, 80),
                                                        names.size() == 1 ? "is" : "are",
                                                        names.empty() ? "none" : join(names, ", "))));
  }
  return provider->start(action.model_request, std::move(context));
}

}  // namespace remit::models
