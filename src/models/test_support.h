// What the tests of this module share: reading a wire stream into a decoder, and a call to its end.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "base/strings.h"
#include "core/executor.h"
#include "models/stream_decoder.h"

namespace remit::models {

struct Decoded {
  std::vector<Event> events;
  std::optional<UpstreamFailure> failure;
  bool complete = false;
  bool empty = true;
  ModelResponse response;
};

// Feeds "event:"/"data:" blocks as they stand in a fixture.
inline Decoded decode_stream(std::unique_ptr<StreamDecoder> decoder, std::string_view wire) {
  Decoded out;
  std::string event, data;
  const auto dispatch = [&] {
    if (data.empty() || out.failure) return;
    if (auto fed = decoder->feed(event, data, out.events); !fed) out.failure = fed.error();
    event.clear(), data.clear();
  };
  for (const auto line : split(wire, '\n')) {
    if (line.empty()) dispatch();
    if (line.starts_with("event: ")) event = line.substr(7);
    if (line.starts_with("data: ")) data += (data.empty() ? "" : "\n") + std::string(line.substr(6));
  }
  dispatch();
  out.complete = decoder->complete();
  out.empty = decoder->empty();
  out.response = decoder->take();
  return out;
}

inline std::string text_of(const std::vector<Event>& events, Chunk::Stream stream = Chunk::Stream::kText) {
  std::string out;
  for (const auto& event : events) {
    if (const auto* chunk = std::get_if<Chunk>(&event); chunk && chunk->stream == stream) out += chunk->bytes;
  }
  return out;
}

inline std::vector<ToolUse> uses_of(const std::vector<Event>& events) {
  std::vector<ToolUse> out;
  for (const auto& event : events) {
    if (const auto* proposed = std::get_if<ProposedAction>(&event)) out.push_back(proposed->use);
  }
  return out;
}

template <typename T>
std::size_t count_of(const std::vector<Event>& events) {
  std::size_t count = 0;
  for (const auto& event : events) count += std::holds_alternative<T>(event) ? 1 : 0;
  return count;
}

struct Finished {
  std::vector<Event> events;  // All but Done.
  Outcome outcome;
};

inline Task<> read_call(std::shared_ptr<Call> call, std::shared_ptr<Finished> out) {
  for (;;) {
    Event event = co_await call->next();
    if (auto* done = std::get_if<Done>(&event)) {
      out->outcome = std::move(done->outcome);
      co_return;
    }
    out->events.push_back(std::move(event));
  }
}

// Runs the io_context until the call is done and nothing else is left to do.
inline Finished finish(asio::io_context& io, std::unique_ptr<Call> call) {
  auto out = std::make_shared<Finished>();
  asio::co_spawn(io, read_call(std::shared_ptr<Call>(std::move(call)), out), asio::detached);
  io.restart();
  io.run();
  return std::move(*out);
}

inline Message message(Role role, std::string text) {
  Message out;
  out.role = role;
  out.text = std::move(text);
  return out;
}

inline Message tool_result(std::string id, std::string text, bool is_error = false) {
  Message out = message(Role::kTool, std::move(text));
  out.tool_use_id = std::move(id);
  out.is_error = is_error;
  return out;
}

}  // namespace remit::models
