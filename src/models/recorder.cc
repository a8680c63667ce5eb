#include "models/recorder.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <unordered_map>

#include "base/file.h"
#include "base/log.h"
#include "models/wire/recording_codec.h"
#include "models/wire/replay_match.h"

namespace remit::models {

// Shared with the calls, which may outlive a recorder that is destroyed early.
struct Recorder::State {
  State(RecordingHeader header, Canonicalizer canonical, std::string file)
      : recording(std::move(header)),
        canonicalizer(std::move(canonical)),
        path(std::move(file)),
        partial_path(path + ".partial") {}

  Recording recording;
  Canonicalizer canonicalizer;
  std::string path, partial_path;
  UniqueFd partial;
  std::unordered_map<std::string, std::size_t> by_answer;
  std::unordered_map<std::string, std::size_t> by_request;
  std::vector<bool> continued;  // Whether a turn has a successor: the second one begins a conversation of its own.
  std::size_t conversations = 1;
  bool finished = false;
};

namespace {

// Masks secrets in an answer that goes into a file. Tool arguments stay JSON text: a key in them holds no character
// that JSON escapes.
ModelResponse masked(const ModelResponse& response, const SecretMask& secrets) {
  ModelResponse out = response;
  out.message.text = secrets(out.message.text);
  out.message.reasoning = secrets(out.message.reasoning);
  for (auto& use : out.message.tool_uses) use.arguments = secrets(use.arguments);
  if (!out.message.extra.empty()) {
    auto extra = parse_json_object(secrets(to_json(out.message.extra)));
    out.message.extra = extra ? std::move(*extra) : json::object{};
  }
  out.request_id.clear();
  return out;
}

// Passes a live call's events on and notes the answer when it is whole.
class RecordingCall final : public Call {
 public:
  RecordingCall(std::unique_ptr<Call> inner, std::function<void(const ModelResponse&)> on_answer)
      : inner_(std::move(inner)), on_answer_(std::move(on_answer)) {}

  Task<Event> next() override {
    Event event = co_await inner_->next();
    if (const auto* done = std::get_if<Done>(&event); done && done->outcome.ok && done->outcome.response)
      on_answer_(*done->outcome.response);
    co_return event;
  }
  void cancel(CancelReason reason) override { inner_->cancel(reason); }

 private:
  std::unique_ptr<Call> inner_;
  std::function<void(const ModelResponse&)> on_answer_;
};

}  // namespace

Recorder::Recorder(std::unique_ptr<Provider> inner, std::shared_ptr<State> state)
    : inner_(std::move(inner)), state_(std::move(state)) {}

Recorder::~Recorder() {
  if (auto done = finish(); !done) log::error("the recording is incomplete: {}", done.error().to_string());
}

Result<std::unique_ptr<Recorder>> Recorder::make(std::unique_ptr<Provider> inner, std::string description,
                                                 RecordingHeader header, std::string path, SecretMask secrets,
                                                 const Clock& clock) {
  header.made = fmt::format("recorded from {} on {}", description, to_rfc3339(clock.wall_now()).substr(0, 10));
  REMIT_TRY(auto canonicalizer, Canonicalizer::make(header.volatiles, std::move(secrets)));
  auto state = std::make_shared<State>(std::move(header), std::move(canonicalizer), std::move(path));
  state->partial =
      UniqueFd(::open(state->partial_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!state->partial) return fail(errno_error("make the recording " + state->partial_path, errno));
  REMIT_CHECK_OK(write_all(state->partial.get(), state->recording.to_text()));
  return std::unique_ptr<Recorder>(new Recorder(std::move(inner), std::move(state)));
}

const Recording& Recorder::recording() const { return state_->recording; }

std::unique_ptr<Call> Recorder::start(std::shared_ptr<const ModelRequest> request, CallContext context) {
  auto call = inner_->start(request, std::move(context));
  std::shared_ptr<State> state = state_;
  return std::make_unique<RecordingCall>(std::move(call), [state, request](const ModelResponse& response) {
    if (auto noted = record_into(*state, *request, response); !noted)
      log::error("an answer was not recorded: {}", noted.error().to_string());
  });
}

Result<> Recorder::record(const ModelRequest& request, const ModelResponse& response) {
  return record_into(*state_, request, response);
}

Result<> Recorder::record_into(State& state, const ModelRequest& request, const ModelResponse& response) {
  if (state.finished) return fail(Code::kFailedPrecondition, fmt::format("the recording {} is finished", state.path));
  const CanonicalRequest canonical = state.canonicalizer(request);
  const auto chain = wire::chain_of(canonical.messages);
  // An identical request would be answered by its first answer on replay; a second line for it could never be reached.
  const std::string key = chain.back() + canonical_json(canonical.setup);
  if (state.by_request.contains(key)) return {};

  RecordedTurn turn;
  std::size_t known = 0;
  std::optional<std::size_t> previous;
  for (std::size_t i = chain.size() - 1; i > 0 && !previous; --i) {
    if (const auto found = state.by_answer.find(chain[i]); found != state.by_answer.end())
      previous = found->second, known = i;
  }
  const auto& turns = state.recording.turns();
  if (previous && !state.continued[*previous]) {
    turn.conversation = turns[*previous].conversation;
  } else if (!turns.empty()) {
    turn.conversation = fmt::format("c{}", ++state.conversations);
    turn.after = previous ? turns[*previous].name : "start";
  }
  if (previous) state.continued[*previous] = true;
  const json::object* inherited = previous ? state.recording.setup_of(*previous) : nullptr;
  if (!inherited || *inherited != canonical.setup) turn.setup = canonical.setup;
  turn.new_messages.emplace(canonical.messages.begin() + static_cast<std::ptrdiff_t>(known), canonical.messages.end());
  turn.answer.response = masked(response, state.canonicalizer.secrets());
  turn.answer.has_usage = response.usage_known;
  REMIT_CHECK_OK(state.recording.append(std::move(turn)));
  const std::size_t index = turns.size() - 1;
  state.continued.push_back(false);
  state.by_request.emplace(key, index);
  state.by_answer.emplace(
      wire::extend_chain(chain.back(), state.canonicalizer.answer(turns[index].answer.response.message)), index);
  return write_all(state.partial.get(), to_json(wire::to_json_object(turns[index])) + "\n");
}

Result<> Recorder::finish() {
  if (state_->finished) return {};
  state_->finished = true;
  REMIT_CHECK_OK(state_->recording.save(state_->path));
  state_->partial.reset();
  if (::unlink(state_->partial_path.c_str()) != 0) return fail(errno_error("remove " + state_->partial_path, errno));
  return {};
}

}  // namespace remit::models
