// Streamed Messages answers: message_start, content_block_start/_delta/_stop, message_delta, message_stop; ping and
// unknown events are passed over.
#include <fmt/format.h>

#include <map>

#include "models/anthropic_wire.h"
#include "models/limits.h"
#include "models/wire/anthropic_answer.h"
#include "models/wire/wire_json.h"

namespace remit::models {
namespace {

using Fed = std::expected<void, UpstreamFailure>;

std::unexpected<UpstreamFailure> unusable(Error error) {
  return std::unexpected(UpstreamFailure{std::move(error), false, std::nullopt});
}
std::unexpected<UpstreamFailure> garbage(std::string_view what, std::string_view data) {
  return unusable(wire::garbage("Anthropic Messages", what, data));
}

class AnthropicStreamDecoder final : public StreamDecoder {
 public:
  Fed feed(std::string_view event, std::string_view data, std::vector<Event>& out) override;
  bool complete() const override { return stopped_; }
  bool ended() const override { return stopped_; }
  bool empty() const override { return blocks_.empty() && stop_reason_.empty(); }
  ModelResponse take() override;
  std::size_t seen_bytes() const override { return bytes_; }

 private:
  struct Block {
    json::object object;
    std::string text, thinking, signature, input_json;
    bool ended = false;
  };

  Fed start_message(const json::object& data, std::vector<Event>& out);
  Fed start_block(const json::object& data, std::vector<Event>& out);
  Fed take_delta(const json::object& data, std::vector<Event>& out);
  Fed end_block(const json::object& data, std::vector<Event>& out);
  Fed end_message(const json::object& data, std::vector<Event>& out);
  Block* block_at(const json::object& data);
  Fed grow(std::size_t bytes);
  Fed say(Chunk::Stream stream, std::string_view text, std::vector<Event>& out);
  void merge_usage(const json::object& holder, std::vector<Event>& out);

  ModelResponse response_;
  std::map<std::int64_t, Block> blocks_;
  wire::AnthropicUsage usage_;
  bool usage_final_ = false;  // message_start tells a first count of the output; message_delta the last one.
  std::string stop_reason_;
  std::size_t bytes_ = 0;
  bool stopped_ = false;
};

Fed AnthropicStreamDecoder::feed(std::string_view event, std::string_view data, std::vector<Event>& out) {
  if (stopped_) return {};
  const auto parsed = parse_json_object(data);
  if (!parsed) return garbage(parsed.error().message(), data);
  const std::string_view type = get_string(*parsed, "type", event);
  if (type == "message_start") return start_message(*parsed, out);
  if (type == "content_block_start") return start_block(*parsed, out);
  if (type == "content_block_delta") return take_delta(*parsed, out);
  if (type == "content_block_stop") return end_block(*parsed, out);
  if (type == "message_delta") return end_message(*parsed, out);
  if (type == "message_stop") {
    stopped_ = true;
    return {};
  }
  if (type == "error") {
    const auto* error = find_object(*parsed, "error");
    return std::unexpected(wire::anthropic_failure(error ? *error : *parsed));
  }
  if (type.empty()) return garbage("an event without a type", data);
  return {};  // ping, and what the API may add: its rules of versioning ask clients to pass over unknown events.
}

Fed AnthropicStreamDecoder::start_message(const json::object& data, std::vector<Event>& out) {
  const auto* message = find_object(data, "message");
  if (!message) return garbage("message_start without message", to_json(data));
  response_.model = get_string(*message, "model");
  response_.request_id = get_string(*message, "id");
  merge_usage(*message, out);
  return {};
}

Fed AnthropicStreamDecoder::start_block(const json::object& data, std::vector<Event>& out) {
  const auto* object = find_object(data, "content_block");
  const auto index = wire::count(data, "index");
  if (!object || !index) return garbage("content_block_start without index or content_block", to_json(data));
  if (blocks_.size() >= limits::kContentBlocksPerAnswer) {
    return unusable({Code::kResourceExhausted,
                     fmt::format("the answer holds more than {} blocks, the limit", limits::kContentBlocksPerAnswer)});
  }
  const auto [place, fresh] = blocks_.try_emplace(*index);
  if (!fresh) return garbage("a content block begins twice", to_json(data));
  Block& block = place->second;
  block.object = wire::without_nulls(*object);
  const auto type = get_string(block.object, "type");
  if (auto grown = grow(to_json(block.object).size()); !grown) return grown;
  if (type == "text") {
    block.text = get_string(block.object, "text");
    return say(Chunk::Stream::kText, block.text, out);
  }
  if (type == "thinking") {
    block.thinking = get_string(block.object, "thinking");
    block.signature = get_string(block.object, "signature");
    return say(Chunk::Stream::kReasoning, block.thinking, out);
  }
  return {};
}

AnthropicStreamDecoder::Block* AnthropicStreamDecoder::block_at(const json::object& data) {
  const auto index = wire::count(data, "index");
  const auto found = index ? blocks_.find(*index) : blocks_.end();
  return found == blocks_.end() || found->second.ended ? nullptr : &found->second;
}

Fed AnthropicStreamDecoder::take_delta(const json::object& data, std::vector<Event>& out) {
  Block* block = block_at(data);
  const auto* delta = find_object(data, "delta");
  if (!block || !delta) return garbage("a delta for no open content block", to_json(data));
  const auto type = get_string(*delta, "type");
  if (type == "text_delta") {
    const auto text = get_string(*delta, "text");
    block->text += text;
    return say(Chunk::Stream::kText, text, out);
  }
  if (type == "thinking_delta") {
    const auto thinking = get_string(*delta, "thinking");
    block->thinking += thinking;
    return say(Chunk::Stream::kReasoning, thinking, out);
  }
  if (type == "input_json_delta") {
    const auto piece = get_string(*delta, "partial_json");
    block->input_json += piece;
    return grow(piece.size());
  }
  if (type == "signature_delta") {
    const auto piece = get_string(*delta, "signature");
    block->signature += piece;
    return grow(piece.size());
  }
  if (const auto* citation = find(*delta, "citation"); type == "citations_delta" && citation) {
    auto& citations = block->object["citations"];
    if (!citations.is_array()) citations.emplace_array();
    citations.get_array().push_back(*citation);
    return grow(to_json(*citation).size());
  }
  return {};
}

Fed AnthropicStreamDecoder::end_block(const json::object& data, std::vector<Event>& out) {
  Block* block = block_at(data);
  if (!block) return garbage("the end of no open content block", to_json(data));
  block->ended = true;
  const std::string type(get_string(block->object, "type"));
  if (type == "text") {
    block->object["text"] = wire::text(block->text);
  } else if (type == "thinking") {
    block->object["thinking"] = wire::text(block->thinking);
    block->object["signature"] = wire::text(block->signature);
  } else if (!block->input_json.empty()) {
    if (auto input = parse_json_object(block->input_json)) {
      block->object["input"] = std::move(*input);
    } else {
      block->object["input"] = json::object{{"malformed_arguments", wire::text(block->input_json)}};
    }
  }
  if (type != "tool_use") return {};
  if (response_.message.tool_uses.size() >= limits::kToolUsesPerAnswer) {
    return unusable({Code::kResourceExhausted,
                     fmt::format("the answer holds more than {} tool calls, the limit", limits::kToolUsesPerAnswer)});
  }
  ToolUse use{std::string(get_string(block->object, "id")), std::string(get_string(block->object, "name")),
              block->input_json};
  if (use.arguments.empty()) use.arguments = wire::arguments_text(find(block->object, "input"));
  if (use.id.empty()) use.id = wire::made_up_id(response_.request_id, response_.message.tool_uses.size());
  response_.message.tool_uses.push_back(use);
  out.push_back(ProposedAction{std::move(use)});
  return {};
}

Fed AnthropicStreamDecoder::end_message(const json::object& data, std::vector<Event>& out) {
  if (const auto* delta = find_object(data, "delta")) stop_reason_ = get_string(*delta, "stop_reason", stop_reason_);
  usage_final_ = usage_final_ || find_object(data, "usage") != nullptr;
  merge_usage(data, out);
  return {};
}

void AnthropicStreamDecoder::merge_usage(const json::object& holder, std::vector<Event>& out) {
  const auto* usage = find_object(holder, "usage");
  if (!usage) return;
  usage_.merge(*usage);
  out.push_back(UsageReport{usage_.to_usage()});
}

Fed AnthropicStreamDecoder::grow(std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= limits::kAnswerBytes) return {};
  return unusable({Code::kResourceExhausted,
                   fmt::format("the answer is longer than {} bytes, the limit (kAnswerBytes)", limits::kAnswerBytes)});
}

Fed AnthropicStreamDecoder::say(Chunk::Stream stream, std::string_view text, std::vector<Event>& out) {
  if (text.empty()) return {};
  (stream == Chunk::Stream::kText ? response_.message.text : response_.message.reasoning) += text;
  out.push_back(Chunk{stream, std::string(text)});
  return grow(text.size());
}

ModelResponse AnthropicStreamDecoder::take() {
  response_.message.role = Role::kAssistant;
  response_.stop = wire::anthropic_stop(stop_reason_);
  response_.usage = usage_.to_usage();
  response_.usage_known = usage_.known() && usage_final_;
  json::array blocks;
  for (auto& [index, block] : blocks_) {
    if (block.ended) blocks.push_back(std::move(block.object));
  }
  if (wire::must_keep_blocks(blocks)) response_.message.extra["anthropic_content"] = std::move(blocks);
  return std::move(response_);
}

}  // namespace

std::unique_ptr<StreamDecoder> make_anthropic_stream_decoder() { return std::make_unique<AnthropicStreamDecoder>(); }

}  // namespace remit::models
