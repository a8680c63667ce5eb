#include "models/recorded_provider.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "core/event_channel.h"
#include "models/token_estimate.h"
#include "models/wire/outcomes.h"
#include "models/wire/replay_match.h"

namespace remit::models {
namespace {

constexpr std::string_view kWhatToDo =
    "record it again (--live --record FILE), complete it by a refreshing run, or declare the part volatile in its "
    "header";

Task<Outcome> failed(Error error, std::shared_ptr<EventSink>) { co_return failed_outcome(std::move(error)); }

Task<> stream_text(std::shared_ptr<EventSink> sink, Chunk::Stream stream, std::string text) {
  std::string_view rest = text;
  while (!rest.empty() && !sink->cancelled()) {
    const auto piece = wire::utf8_prefix(rest, limits::kRecordedChunkBytes);
    co_await sink->send(Chunk{stream, std::string(piece)});
    rest.remove_prefix(piece.size());
  }
}

Task<Outcome> replay(ModelResponse response, std::shared_ptr<EventSink> sink) {
  co_await stream_text(sink, Chunk::Stream::kReasoning, response.message.reasoning);
  co_await stream_text(sink, Chunk::Stream::kText, response.message.text);
  for (const auto& use : response.message.tool_uses) {
    if (sink->cancelled()) break;
    co_await sink->send(ProposedAction{use});
  }
  if (sink->cancelled()) {
    // A real provider bills what it produced; the recording knows only the whole, so the whole counts.
    co_return wire::broken_off(wire::cancelled_error(*sink->cancelled()), std::move(response));
  }
  co_await sink->send(UsageReport{response.usage});
  co_return wire::answered(std::move(response));
}

}  // namespace

RecordedProvider::RecordedProvider(asio::any_io_executor executor, std::string name, Recording recording,
                                   ReplayMode mode, Canonicalizer canonicalizer)
    : executor_(std::move(executor)),
      name_(std::move(name)),
      recording_(std::move(recording)),
      mode_(mode),
      canonicalizer_(std::move(canonicalizer)),
      first_message_(recording_.turns().size()),
      used_(recording_.turns().size()) {}

Result<std::unique_ptr<RecordedProvider>> RecordedProvider::make(asio::any_io_executor executor, std::string name,
                                                                 Recording recording, ReplayMode mode,
                                                                 SecretMask secrets) {
  auto canonicalizer = Canonicalizer::make(recording.header().volatiles, std::move(secrets));
  if (!canonicalizer) return fail(canonicalizer.error().wrap(recording.source()));
  if (mode == ReplayMode::kStrict && recording.first_incomplete()) {
    const auto& turn = recording.turns()[*recording.first_incomplete()];
    return fail(Code::kFailedPrecondition,
                fmt::format("{}:{}: turn {} does not know its request yet (\"setup\" or \"new\" is missing): complete "
                            "the recording by a refreshing run",
                            recording.source(), turn.line, turn.name));
  }
  std::unique_ptr<RecordedProvider> provider(new RecordedProvider(
      std::move(executor), std::move(name), std::move(recording), mode, std::move(*canonicalizer)));
  provider->index_turns();
  return provider;
}

void RecordedProvider::index_turns() {
  // In refresh mode the recording's own requests count for nothing until they have been seen again.
  if (mode_ == ReplayMode::kRefresh) return;
  const auto& turns = recording_.turns();
  std::vector<std::string> answer_key(turns.size());
  for (std::size_t i = 0; i < turns.size(); ++i) {
    std::string key = turns[i].continues < 0 ? "" : answer_key[static_cast<std::size_t>(turns[i].continues)];
    std::vector<json::object> masked;
    for (const auto& message : *turns[i].new_messages) {
      masked.push_back(canonicalizer_.remask(message));
      key = wire::extend_chain(key, masked.back());
    }
    std::optional<json::object> setup;
    if (turns[i].setup) setup = canonicalizer_.remask_setup(*turns[i].setup);
    recording_.set_request(i, std::move(setup), std::move(masked));
    answer_key[i] = wire::extend_chain(key, canonicalizer_.answer(turns[i].answer.response.message));
    by_request_[key].push_back(i);
    by_answer_.emplace(answer_key[i], i);
  }
}

std::optional<std::size_t> RecordedProvider::exact_turn(const CanonicalRequest& request, const std::string& key) const {
  const auto found = by_request_.find(key);
  if (found == by_request_.end()) return std::nullopt;
  for (const auto turn : found->second) {
    const auto* setup = recording_.setup_of(turn);
    if (setup && *setup == request.setup) return turn;
  }
  return std::nullopt;
}

Result<std::size_t> RecordedProvider::find_strict(const CanonicalRequest& request,
                                                  const std::vector<std::string>& chain) const {
  if (const auto turn = exact_turn(request, chain.back())) return *turn;
  const auto& turns = recording_.turns();
  const auto differs = [&](std::size_t turn, const std::string& how) {
    return fail(
        Code::kFailedPrecondition,
        fmt::format(
            "the recorded model has no answer to this request. It differs from turn {} ({}:{}): {}. To go on, {}",
            turns[turn].name, recording_.source(), turns[turn].line, how, kWhatToDo));
  };
  if (const auto same = by_request_.find(chain.back()); same != by_request_.end()) {
    const auto turn = same->second.front();
    const auto* setup = recording_.setup_of(turn);
    return differs(turn, wire::explain_setup(setup ? *setup : json::object{}, request.setup));
  }
  int previous = -1;
  std::size_t known = 0;  // Messages of the request that the recording knows.
  for (std::size_t i = chain.size() - 1; i > 0 && previous < 0; --i) {
    if (const auto found = by_answer_.find(chain[i]); found != by_answer_.end())
      previous = static_cast<int>(found->second), known = i;
  }
  std::optional<std::size_t> best;
  std::size_t best_common = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (turns[i].continues != previous) continue;
    const auto common = wire::common_messages(*turns[i].new_messages, request.messages, known);
    if (!best || common > best_common) best = i, best_common = common;
  }
  if (best) return differs(*best, wire::explain_messages(*turns[*best].new_messages, request.messages, known));
  const std::string after =
      previous < 0 ? "it has no turns"
                   : fmt::format("nothing follows turn {}", turns[static_cast<std::size_t>(previous)].name);
  return fail(
      Code::kFailedPrecondition,
      fmt::format(
          "the recorded model has no answer to this request: the recording ({}) ends here, {}; {}. To go on, {}",
          recording_.source(), after, wire::explain_messages({}, request.messages, known), kWhatToDo));
}

// The turn that answers a request which continues turn `previous` (-1: none), by the order of the file.
std::optional<std::size_t> RecordedProvider::next_turn(const CanonicalRequest& request,
                                                       const std::vector<std::string>& chain, int previous) {
  const auto& turns = recording_.turns();
  std::optional<std::size_t> best;
  std::size_t best_common = 0;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    if (used_[i] || turns[i].continues != previous) continue;
    // Of several conversations the one that began most alike.
    const auto common =
        previous < 0 && turns[i].new_messages ? wire::common_messages(*turns[i].new_messages, request.messages, 0) : 0;
    if (!best || common > best_common) best = i, best_common = common;
  }
  if (best || previous >= 0) return best;
  // An agent that trims its context sends a conversation which continues no turn but begins like one.
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const int before = turns[i].continues;
    if (used_[i] || before < 0 || !used_[static_cast<std::size_t>(before)]) continue;
    if (chain.size() < 2 || first_message_[static_cast<std::size_t>(before)] != chain[1]) continue;
    recording_.restart(i);
    return i;
  }
  return std::nullopt;
}

Result<std::size_t> RecordedProvider::find_refresh(const CanonicalRequest& request,
                                                   const std::vector<std::string>& chain,
                                                   const ModelRequest& original) {
  if (const auto turn = exact_turn(request, chain.back())) return *turn;
  int previous = -1;
  std::size_t known = 0;
  for (std::size_t i = chain.size() - 1; i > 0 && previous < 0; --i) {
    if (const auto found = by_answer_.find(chain[i]); found != by_answer_.end())
      previous = static_cast<int>(found->second), known = i;
  }
  const auto turn = next_turn(request, chain, previous);
  if (!turn) {
    return fail(
        Code::kFailedPrecondition,
        fmt::format(
            "the recording ({}) has no further answer {}; add a line with one. The request ends with {}",
            recording_.source(),
            previous < 0 ? "for a new conversation"
                         : "after turn " + recording_.turns()[static_cast<std::size_t>(previous)].name,
            wire::explain_messages({}, request.messages, request.messages.empty() ? 0 : request.messages.size() - 1)));
  }
  const json::object* inherited = previous < 0 ? nullptr : recording_.setup_of(static_cast<std::size_t>(previous));
  std::optional<json::object> setup;
  if (!inherited || *inherited != request.setup) setup = request.setup;
  recording_.set_request(*turn, std::move(setup),
                         {request.messages.begin() + static_cast<std::ptrdiff_t>(known), request.messages.end()});
  const auto& answer = recording_.turns()[*turn].answer;
  if (!answer.has_usage || answer.usage_estimated) {
    Usage usage;
    usage.input = estimate_tokens(original);
    usage.reasoning = estimate_tokens(answer.response.message.reasoning);
    usage.output = estimate_tokens(answer.response.message);
    // As a caching provider would count: the prompt of the turn before comes from the cache.
    if (previous >= 0)
      usage.cached_input =
          std::min(usage.input, recording_.turns()[static_cast<std::size_t>(previous)].answer.response.usage.input);
    recording_.set_usage_estimate(*turn, usage);
  }
  first_message_[*turn] = chain.size() > 1 ? chain[1] : "";
  note_request(*turn, chain.back());
  return *turn;
}

void RecordedProvider::note_request(std::size_t turn, const std::string& request_key) {
  by_request_[request_key].push_back(turn);
  by_answer_.emplace(
      wire::extend_chain(request_key, canonicalizer_.answer(recording_.turns()[turn].answer.response.message)), turn);
}

Result<std::size_t> RecordedProvider::find_turn(const ModelRequest& request) {
  const CanonicalRequest canonical = canonicalizer_(request);
  const auto chain = wire::chain_of(canonical.messages);
  auto turn = mode_ == ReplayMode::kStrict ? find_strict(canonical, chain) : find_refresh(canonical, chain, request);
  if (turn) used_[*turn] = true;
  return turn;
}

std::unique_ptr<Call> RecordedProvider::start(std::shared_ptr<const ModelRequest> request, CallContext) {
  auto turn = find_turn(*request);
  if (!turn) {
    const Error error = turn.error();
    return make_call(executor_, [error](std::shared_ptr<EventSink> sink) { return failed(error, std::move(sink)); });
  }
  const auto& recorded = recording_.turns()[*turn];
  ModelResponse response = recorded.answer.response;
  if (response.model.empty()) response.model = recording_.header().model;
  if (response.request_id.empty()) response.request_id = "recorded-" + recorded.name;
  if (!response.usage_known)
    response.usage = estimate_usage(*request, static_cast<std::size_t>(estimate_tokens(response.message)) * 4);
  return make_call(executor_,
                   [response](std::shared_ptr<EventSink> sink) { return replay(response, std::move(sink)); });
}

std::vector<std::string> RecordedProvider::unused_turns() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) names.push_back(recording_.turns()[i].name);
  }
  return names;
}

Result<> RecordedProvider::save(const std::string& path) const {
  const auto unused = unused_turns();
  if (!unused.empty()) {
    return fail(Code::kFailedPrecondition,
                fmt::format("the recording was not written to {}: the run never asked for {} of its turns: {}", path,
                            unused.size(), printable(join(unused, ", "), 400)));
  }
  return recording_.save(path);
}

}  // namespace remit::models
