// What tests play behind the gateway: a model provider and tools that follow a script of lines.
//
//   say TEXT | think TEXT | progress TEXT | call ID NAME ARGUMENTS | held ID NAME ARGUMENTS | usage IN OUT
//   result TEXT | error TEXT | fail CODE TEXT | wait MILLISECONDS | hang
//
// `held` is a tool call of the answer that no event told of. `hang` waits until the call is cancelled.
#pragma once

#include <charconv>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/strings.h"
#include "core/event_channel.h"
#include "models/provider.h"

namespace remit::gateway::testing {

using Script = std::vector<std::string>;

struct ScriptState {
  Script lines;
  std::optional<CancelReason> cancelled;  // While a call was at work.
  bool at_work = false;
  std::shared_ptr<const ModelRequest> request;
  std::vector<Action> actions;
};

inline std::pair<std::string_view, std::string_view> cut(std::string_view text) {
  const auto space = text.find(' ');
  if (space == text.npos) return {text, ""};
  return {text.substr(0, space), text.substr(space + 1)};
}

inline std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

inline ToolUse tool_use(std::string_view text) {
  const auto [id, rest] = cut(text);
  const auto [name, arguments] = cut(rest);
  return {std::string(id), std::string(name), std::string(arguments)};
}

inline Code code_of(std::string_view name) {
  if (name == "unauthenticated") return Code::kUnauthenticated;
  if (name == "exhausted") return Code::kResourceExhausted;
  if (name == "dataloss") return Code::kDataLoss;
  return Code::kUnavailable;
}

inline Task<Outcome> play(std::shared_ptr<ScriptState> state, bool is_model, Clock* clock,
                          std::shared_ptr<EventSink> sink) {
  state->at_work = true;
  sink->on_cancel([state](CancelReason reason) {
    if (state->at_work) state->cancelled = reason;
  });
  Outcome outcome;
  outcome.ok = true;
  ModelResponse response;
  response.message.role = Role::kAssistant;
  response.usage_known = true;
  const auto text_stream = is_model ? Chunk::Stream::kText : Chunk::Stream::kStdout;
  for (const auto& line : state->lines) {
    const auto [word, rest] = cut(line);
    if (word == "say") {
      response.message.text += rest;
      co_await sink->send(Chunk{text_stream, std::string(rest)});
    } else if (word == "think") {
      response.message.reasoning += rest;
      co_await sink->send(Chunk{Chunk::Stream::kReasoning, std::string(rest)});
    } else if (word == "progress") {
      co_await sink->send(Progress{std::string(rest)});
    } else if (word == "call" || word == "held") {
      response.message.tool_uses.push_back(tool_use(rest));
      response.stop = StopReason::kToolUse;
      if (word == "call") co_await sink->send(ProposedAction{tool_use(rest)});
    } else if (word == "usage") {
      response.usage.input = number(cut(rest).first), response.usage.output = number(cut(rest).second);
      outcome.usage = response.usage;
    } else if (word == "result" || word == "error") {
      outcome.ok = word == "result", outcome.text = rest;
      if (!outcome.ok) outcome.error = Error(Code::kNotFound, outcome.text);
    } else if (word == "fail") {
      outcome = failed_outcome(Error(code_of(cut(rest).first), std::string(cut(rest).second)));
    } else if (word == "wait") {
      co_await clock->sleep_for(std::chrono::milliseconds(number(rest)));
    } else if (word == "hang") {
      while (!sink->cancelled()) co_await clock->sleep_for(std::chrono::milliseconds(2));
      outcome = failed_outcome(Error(Code::kCancelled, "cancelled: " + std::string(to_string(*sink->cancelled()))));
    }
  }
  state->at_work = false;
  if (is_model && outcome.ok) outcome.response = std::move(response);
  co_return outcome;
}

class ScriptedProvider final : public models::Provider {
 public:
  ScriptedProvider(asio::any_io_executor executor, Clock& clock, std::shared_ptr<ScriptState> state)
      : executor_(std::move(executor)), clock_(clock), state_(std::move(state)) {}
  const std::string& name() const override { return name_; }
  std::optional<Usage> reconcile(const ModelRequest&) const override { return std::nullopt; }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext) override {
    state_->request = std::move(request);
    return make_call(executor_, [state = state_, clock = &clock_](std::shared_ptr<EventSink> sink) {
      return play(state, true, clock, std::move(sink));
    });
  }

 private:
  const std::string name_ = "scripted";
  asio::any_io_executor executor_;
  Clock& clock_;
  std::shared_ptr<ScriptState> state_;
};

class ScriptedTools final : public Executor {
 public:
  ScriptedTools(asio::any_io_executor executor, Clock& clock, std::shared_ptr<ScriptState> state)
      : executor_(std::move(executor)), clock_(clock), state_(std::move(state)) {}
  std::unique_ptr<Call> start(Permit&& permit, CallContext) override {
    state_->actions.push_back(permit.action());
    return make_call(executor_, [state = state_, clock = &clock_](std::shared_ptr<EventSink> sink) {
      return play(state, false, clock, std::move(sink));
    });
  }

 private:
  asio::any_io_executor executor_;
  Clock& clock_;
  std::shared_ptr<ScriptState> state_;
};

}  // namespace remit::gateway::testing
