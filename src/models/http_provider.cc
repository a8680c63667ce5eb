#include "models/http_provider.h"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "base/strings.h"
#include "core/event_channel.h"
#include "http/client.h"
#include "http/sse.h"
#include "models/anthropic_wire.h"
#include "models/openai_wire.h"
#include "models/token_estimate.h"
#include "models/wire/call_gate.h"
#include "models/wire/http_failure.h"
#include "models/wire/outcomes.h"

namespace remit::models {
namespace {

constexpr std::string_view kAnthropicVersion = "2023-06-01";
// After its last event a provider ends the stream within this, or its connection is not kept.
constexpr Duration kDrainTime = std::chrono::seconds(1);

struct State {
  State(asio::any_io_executor on, ProviderConfig configuration, http::Client& http_client, Clock& the_clock,
        Rng& random)
      : executor(on),
        config(std::move(configuration)),
        client(http_client),
        clock(the_clock),
        rng(random),
        gate(std::make_shared<wire::CallGate>(on, config.max_concurrent_calls)) {}

  asio::any_io_executor executor;
  ProviderConfig config;
  http::Client& client;
  Clock& clock;
  Rng& rng;
  std::shared_ptr<wire::CallGate> gate;
};

// One call, shared by the coroutines that carry it out.
struct Exchange {
  std::shared_ptr<State> state;
  std::shared_ptr<const ModelRequest> request;
  CallContext context;
  std::shared_ptr<EventSink> sink;
  std::string model;
  std::string body;
  SteadyTime deadline;
  asio::cancellation_signal stop;

  Usage lost;  // Of attempts that broke off and were made anew; their provider may bill them beside the last one.
  // Of the attempt that runs now.
  std::unique_ptr<StreamDecoder> decoder;
  std::optional<UsageReport>
      held_usage;     // Kept back until there is content, so that a failure before it can be retried.
  bool sent = false;  // The request may have reached the provider and may be billed.
  bool passed_on = false;
};

using Answer = std::expected<ModelResponse, UpstreamFailure>;
// co_spawn wants a result that has a default.
using Attempted = std::optional<Answer>;

std::unexpected<UpstreamFailure> failed(Error error, bool retryable = false) {
  return std::unexpected(UpstreamFailure{std::move(error), retryable, std::nullopt});
}

bool is_anthropic(const State& state) { return state.config.type == ProviderType::kAnthropic; }

Result<json::object> encode(const State& state, const ModelRequest& request) {
  if (is_anthropic(state)) {
    return encode_anthropic_request(request,
                                    {true, state.config.prompt_caching, state.config.default_max_output_tokens});
  }
  const bool vendor = effective_base_url(state.config).starts_with("https://api.openai.com/");
  return encode_openai_request(request, {true, state.config.stream_usage, vendor});
}

http::Request http_request(const Exchange& exchange) {
  const ProviderConfig& config = exchange.state->config;
  http::Request out;
  out.method = "POST";
  out.url = effective_base_url(config) + (is_anthropic(*exchange.state) ? "/v1/messages" : "/chat/completions");
  out.headers.set("Content-Type", "application/json");
  out.headers.set("Accept", "text/event-stream");
  out.headers.set("traceparent", exchange.context.traceparent());
  if (is_anthropic(*exchange.state)) {
    out.headers.set("anthropic-version", kAnthropicVersion);
    if (!config.api_key.empty()) out.headers.set("x-api-key", config.api_key.reveal());
  } else if (!config.api_key.empty()) {
    out.headers.set("Authorization", "Bearer " + config.api_key.reveal());
  }
  for (const auto& [name, value] : config.headers) out.headers.set(name, value);
  out.body = exchange.body;
  return out;
}

// The start of an error's body; what is beyond the limit does not matter.
Task<std::string> read_error_body(std::shared_ptr<http::ResponseStream> stream) {
  std::string body;
  while (body.size() < limits::kErrorBodyBytes) {
    auto piece = co_await stream->read_some();
    if (!piece || !*piece) break;
    body += **piece;
  }
  body.resize(std::min(body.size(), limits::kErrorBodyBytes));
  co_return body;
}

Task<Attempted> fail_by_status(std::shared_ptr<Exchange> exchange, std::shared_ptr<http::ResponseStream> stream) {
  const std::string body = co_await read_error_body(stream);
  const auto& headers = stream->headers();
  const wire::FailedAnswer answer{stream->status(),
                                  headers.get("retry-after"),
                                  headers.get("retry-after-ms"),
                                  headers.get("x-should-retry"),
                                  headers.get("location"),
                                  body};
  exchange->sent = false;  // An error is not billed.
  co_return Answer(std::unexpected(
      wire::explain_status(exchange->state->config, exchange->model, answer, exchange->state->clock.wall_now())));
}

Task<> send_all(std::shared_ptr<Exchange> exchange, std::vector<Event> events) {
  for (auto& event : events) {
    if (const auto* usage = std::get_if<UsageReport>(&event); usage && !exchange->passed_on) {
      exchange->held_usage = *usage;
      continue;
    }
    exchange->passed_on = true;
    if (exchange->held_usage) co_await exchange->sink->send(*std::exchange(exchange->held_usage, std::nullopt));
    co_await exchange->sink->send(std::move(event));
  }
}

// An answer in one piece, from a server that does not stream.
Task<Attempted> take_whole(std::shared_ptr<Exchange> exchange, std::shared_ptr<http::ResponseStream> stream) {
  auto body = co_await stream->read_all(limits::kAnswerBytes);
  if (!body) co_return Answer(std::unexpected(wire::explain_transport(exchange->state->config, body.error())));
  auto parsed = parse_json_object(*body);
  if (!parsed)
    co_return Answer(failed(
        Error(Code::kDataLoss,
              fmt::format("model provider '{}' sent an answer that is no JSON object", exchange->state->config.name),
              parsed.error())));
  auto response = is_anthropic(*exchange->state) ? decode_anthropic_response(*parsed) : decode_openai_response(*parsed);
  if (!response) co_return Answer(failed(response.error()));
  std::vector<Event> events;
  const Message& message = response->message;
  if (!message.reasoning.empty()) events.push_back(Chunk{Chunk::Stream::kReasoning, message.reasoning});
  if (!message.text.empty()) events.push_back(Chunk{Chunk::Stream::kText, message.text});
  for (const auto& use : message.tool_uses) events.push_back(ProposedAction{use});
  if (response->usage_known) events.push_back(UsageReport{response->usage});
  co_await send_all(exchange, std::move(events));
  co_return Answer(std::move(*response));
}

// Reads a stream to its proper end after the last event, so that its connection can be used again; not for longer than
// kDrainTime.
struct Drain {
  std::shared_ptr<http::ResponseStream> stream;
  asio::cancellation_signal ended;
};

Task<> drain(std::shared_ptr<Drain> work) {
  for (;;) {
    auto piece = co_await work->stream->read_some();
    if (!piece || !*piece) break;
  }
  work->ended.emit(asio::cancellation_type::terminal);
}

Task<> limit_drain(std::shared_ptr<State> state, std::shared_ptr<Drain> work) {
  if (co_await state->clock.sleep_for(kDrainTime)) work->stream->cancel();
}

void drain_in_background(const std::shared_ptr<State>& state, std::shared_ptr<http::ResponseStream> stream) {
  auto work = std::make_shared<Drain>();
  work->stream = std::move(stream);
  asio::co_spawn(state->executor, limit_drain(state, work),
                 asio::bind_cancellation_slot(work->ended.slot(), asio::detached));
  asio::co_spawn(state->executor, drain(work), asio::detached);
}

Error broke_off(const Exchange& exchange, std::string_view how) {
  const auto& config = exchange.state->config;
  if (exchange.decoder->empty())
    return {Code::kDataLoss, fmt::format("model provider '{}' sent an empty answer: {}", config.name, how)};
  return {Code::kDataLoss, fmt::format("model provider '{}' broke its answer off in the middle, after {} bytes: {}",
                                       config.name, exchange.decoder->seen_bytes(), how)};
}

Task<Attempted> take_stream(std::shared_ptr<Exchange> exchange, std::shared_ptr<http::ResponseStream> stream) {
  http::SseParser parser({limits::kStreamEventBytes, limits::kStreamEventBytes});
  StreamDecoder& decoder = *exchange->decoder;
  while (!decoder.ended()) {
    auto piece = co_await stream->read_some();
    if (!piece) {
      if (decoder.complete()) break;
      const auto failure = wire::explain_transport(exchange->state->config, piece.error());
      co_return Answer(
          failed(Error(failure.error.code(), broke_off(*exchange, "the connection failed").message(), piece.error()),
                 failure.retryable));
    }
    if (!*piece) break;
    if (auto pushed = parser.push(**piece); !pushed) co_return Answer(failed(pushed.error()));
    while (auto event = parser.next()) {
      std::vector<Event> events;
      auto fed = decoder.feed(event->event, event->data, events);
      co_await send_all(exchange, std::move(events));
      if (!fed) co_return Answer(std::unexpected(fed.error()));
    }
  }
  if (!decoder.complete() || decoder.empty()) co_return Answer(failed(broke_off(*exchange, "the stream ended"), true));
  if (decoder.ended()) drain_in_background(exchange->state, stream);
  if (exchange->held_usage) co_await exchange->sink->send(*std::exchange(exchange->held_usage, std::nullopt));
  co_return Answer(decoder.take());
}

Task<Attempted> attempt(std::shared_ptr<Exchange> exchange) {
  const auto& config = exchange->state->config;
  http::CallOptions options;
  options.total = Duration::zero();
  options.deadline = exchange->deadline;
  options.connect = config.connect_timeout;
  options.first_byte = config.first_byte_timeout;
  options.idle = config.idle_timeout;
  exchange->decoder = is_anthropic(*exchange->state) ? make_anthropic_stream_decoder() : make_openai_stream_decoder();
  exchange->held_usage.reset();
  exchange->sent = true;
  auto opened = co_await exchange->state->client.open(http_request(*exchange), options);
  if (!opened) {
    // Without a connection nothing was asked and nothing is owed.
    exchange->sent = opened.error().code() != Code::kUnavailable && opened.error().code() != Code::kInvalidArgument;
    co_return Answer(std::unexpected(wire::explain_transport(config, opened.error())));
  }
  const std::shared_ptr<http::ResponseStream> stream = std::move(*opened);
  if (stream->status() != 200) co_return co_await fail_by_status(exchange, stream);
  const std::string type = to_lower(trim(split(stream->headers().get("content-type"), ';').front()));
  if (type == "application/json") co_return co_await take_whole(exchange, stream);
  if (!type.empty() && type != "text/event-stream" && type != "application/octet-stream" && type != "text/plain") {
    const std::string body = co_await read_error_body(stream);
    co_return Answer(
        failed(Error(Code::kDataLoss,
                     fmt::format("model provider '{}' ({}) answered with {} where a model's answer was expected; is "
                                 "its address right? It begins: {}",
                                 config.name, effective_base_url(config), printable(type, 60), printable(body, 120)))));
  }
  co_return co_await take_stream(exchange, stream);
}

// Full jitter: anywhere between nothing and the doubled wait. A provider's own Retry-After is kept, with a little
// spread on top.
Duration retry_wait(State& state, int retry, const UpstreamFailure& failure) {
  const auto& config = state.config;
  if (failure.retry_after) {
    return *failure.retry_after + std::chrono::duration_cast<Duration>(config.retry_base_wait * state.rng.unit());
  }
  const Duration most =
      std::min(config.max_retry_wait, config.retry_base_wait * (std::int64_t{1} << std::min(retry, 20)));
  return std::chrono::duration_cast<Duration>(most * state.rng.unit());
}

double seconds_of(Duration length) { return std::chrono::duration<double>(length).count(); }

// Why there is no further attempt; nullopt: wait `*wait` and try again.
std::optional<std::string> why_no_retry(Exchange& exchange, int retry, const UpstreamFailure& failure, Duration* wait) {
  const auto& config = exchange.state->config;
  if (!failure.retryable || exchange.passed_on) return "";
  if (retry >= config.max_retries) return retry == 0 ? "" : fmt::format(" (tried {} times)", retry + 1);
  if (failure.retry_after && *failure.retry_after > config.max_retry_wait) {
    return fmt::format(" (it asks to wait {:.0f} s, more than maxRetryWait of {:.0f} s)",
                       seconds_of(*failure.retry_after), seconds_of(config.max_retry_wait));
  }
  *wait = retry_wait(*exchange.state, retry, failure);
  if (exchange.state->clock.steady_now() + *wait >= exchange.deadline)
    return fmt::format(" (no time is left for another attempt; tried {} times)", retry + 1);
  return std::nullopt;
}

// What the attempt that broke off gave, and what it may be billed.
ModelResponse take_seen(Exchange& exchange) {
  ModelResponse seen;
  if (!exchange.decoder) return seen;
  const std::size_t bytes = exchange.decoder->seen_bytes();
  seen = exchange.decoder->take();
  if (seen.usage_known) return seen;
  // The provider's own first count is better than our estimate where there is one.
  const Usage told = seen.usage;
  seen.usage = estimate_usage(*exchange.request, bytes);
  if (told.input > 0)
    seen.usage.input = told.input, seen.usage.cached_input = told.cached_input,
    seen.usage.cache_write = told.cache_write;
  seen.usage.output = std::max(seen.usage.output, told.output);
  return seen;
}

Task<Attempted> attempts(std::shared_ptr<Exchange> exchange) {
  auto place = co_await wire::CallGate::enter(exchange->state->gate, exchange->context.importance);
  if (!place) co_return Answer(failed(place.error()));
  for (int retry = 0;; ++retry) {
    Attempted result = co_await attempt(exchange);
    if (*result || exchange->sink->cancelled()) co_return result;
    Duration wait{0};
    const UpstreamFailure& failure = result->error();
    if (const auto why = why_no_retry(*exchange, retry, failure, &wait)) {
      if (!why->empty()) {
        const Error said(failure.error.code(), failure.error.to_string() + *why);
        co_return Answer(failed(said));
      }
      co_return result;
    }
    if (std::exchange(exchange->sent, false)) exchange->lost += take_seen(*exchange).usage;
    co_await exchange->sink->send(
        Progress{fmt::format("{}; next attempt in {:.1f} s", failure.error.to_string(), seconds_of(wait))});
    if (!co_await exchange->state->clock.sleep_for(wait)) co_return result;
  }
}

// What an answer that never became whole leaves behind.
Outcome unfinished(Exchange& exchange, Error error) {
  ModelResponse seen = take_seen(exchange);
  if (!exchange.sent) {
    Outcome outcome = failed_outcome(std::move(error));
    outcome.usage = exchange.lost;
    outcome.usage_known = exchange.lost == Usage{};
    return outcome;
  }
  seen.usage += exchange.lost;
  return wire::broken_off(std::move(error), std::move(seen));
}

// A whole answer with what the provider left out.
ModelResponse finished(const Exchange& exchange, ModelResponse response) {
  if (!response.usage_known) {
    const auto bytes = response.message.text.size() + response.message.reasoning.size();
    const auto seen = exchange.decoder ? exchange.decoder->seen_bytes() : 0;
    response.usage = estimate_usage(*exchange.request, std::max(bytes, seen));
  }
  response.usage += exchange.lost;
  if (response.model.empty()) response.model = exchange.model;
  return response;
}

Task<Outcome> run(std::shared_ptr<Exchange> exchange) {
  const auto& config = exchange->state->config;
  exchange->model = exchange->request->model.empty() ? config.model : exchange->request->model;
  if (exchange->model.empty()) {
    co_return failed_outcome(
        {Code::kFailedPrecondition,
         fmt::format("no model is named for provider '{}': set spec.model.name or REMIT_MODEL", config.name)});
  }
  auto encoded = encode(*exchange->state, *exchange->request);
  if (!encoded) co_return failed_outcome(encoded.error());
  (*encoded)["model"] = json::string(jsv(exchange->model));
  exchange->body = to_json(*encoded);
  exchange->deadline = exchange->state->clock.steady_now() + config.total_timeout;
  if (exchange->context.deadline) exchange->deadline = std::min(exchange->deadline, *exchange->context.deadline);

  // The attempts run as a coroutine of their own, so that cancel() can stop them wherever they wait.
  std::weak_ptr<Exchange> weak = exchange;
  exchange->sink->on_cancel([weak](CancelReason) {
    if (const auto alive = weak.lock()) alive->stop.emit(asio::cancellation_type::terminal);
  });
  // A stop that came before this has no coroutine to stop yet.
  if (const auto reason = exchange->sink->cancelled()) co_return unfinished(*exchange, wire::cancelled_error(*reason));
  auto [thrown, result] =
      co_await asio::co_spawn(exchange->state->executor, attempts(exchange),
                              asio::bind_cancellation_slot(exchange->stop.slot(), asio::as_tuple(asio::use_awaitable)));
  const bool whole = !thrown && result && *result;
  if (const auto reason = exchange->sink->cancelled()) {
    // An answer that became whole all the same is billed whole.
    if (whole) co_return wire::broken_off(wire::cancelled_error(*reason), finished(*exchange, std::move(**result)));
    co_return unfinished(*exchange, wire::cancelled_error(*reason));
  }
  if (whole) co_return wire::answered(finished(*exchange, std::move(**result)));
  // A cancelled wait throws inside Asio; anything else that throws would be a bug.
  if (thrown || !result) co_return unfinished(*exchange, internal_error("the model call ended without a result"));
  co_return unfinished(*exchange, result->error().error);
}

class HttpProvider final : public Provider {
 public:
  explicit HttpProvider(std::shared_ptr<State> state) : state_(std::move(state)) {}

  const std::string& name() const override { return state_->config.name; }
  std::optional<Usage> reconcile(const ModelRequest&) const override { return std::nullopt; }
  std::unique_ptr<Call> start(std::shared_ptr<const ModelRequest> request, CallContext context) override {
    auto state = state_;
    return make_call(state_->executor, [state, request, context](std::shared_ptr<EventSink> sink) {
      auto exchange = std::make_shared<Exchange>();
      exchange->state = state;
      exchange->request = request;
      exchange->context = context;
      exchange->sink = std::move(sink);
      return run(std::move(exchange));
    });
  }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<Provider>> make_http_provider(asio::any_io_executor executor, ProviderConfig config,
                                                     http::Client& client, Clock& clock, Rng& rng) {
  REMIT_CHECK_OK(validate(config));
  if (config.type == ProviderType::kRecorded)
    return fail(internal_error("a recorded provider was asked for over HTTP"));
  return std::make_unique<HttpProvider>(
      std::make_shared<State>(std::move(executor), std::move(config), client, clock, rng));
}

}  // namespace remit::models
