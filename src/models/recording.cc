#include "models/recording.h"

#include <fmt/format.h>

#include <charconv>

#include "base/file.h"
#include "base/strings.h"
#include "models/wire/recording_codec.h"

namespace remit::models {
namespace {

struct Line {
  std::string_view text;
  int number = 0;
};

std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  for (const auto line : split(text, '\n')) lines.push_back({trim(line), ++number});
  return lines;
}

Error at_line(const std::string& source, int line, const Error& error) {
  return error.wrap(fmt::format("{}:{}", source, line));
}

}  // namespace

Result<Recording> Recording::parse(std::string_view text, std::string source) {
  if (text.size() > limits::kRecordingBytes) {
    return fail(Code::kResourceExhausted,
                fmt::format("{}: the recording is larger than {} bytes, the limit", source, limits::kRecordingBytes));
  }
  if (!is_valid_utf8(text)) return fail(invalid_argument(fmt::format("{}: the recording is not valid UTF-8", source)));
  std::optional<Recording> recording;
  std::string comments;
  for (const auto& line : lines_of(text)) {
    if (line.text.empty()) continue;
    if (line.text.starts_with('#')) {
      comments += std::string(line.text) + "\n";
      continue;
    }
    auto object = parse_json_object(line.text);
    if (!object) return fail(at_line(source, line.number, object.error()));
    if (!recording) {
      auto header = wire::header_from_json(*object);
      if (!header) return fail(at_line(source, line.number, header.error()));
      recording.emplace(std::move(*header));
      recording->source_ = source;
      recording->header_.comments = std::exchange(comments, "");
      continue;
    }
    auto turn = wire::turn_from_json(*object);
    if (!turn) return fail(at_line(source, line.number, turn.error()));
    turn->line = line.number;
    turn->comments = std::exchange(comments, "");
    if (auto appended = recording->append(std::move(*turn)); !appended)
      return fail(at_line(source, line.number, appended.error()));
  }
  if (!recording)
    return fail(invalid_argument(fmt::format("{}: the recording is empty: its first line must be the header", source)));
  recording->final_comments_ = std::move(comments);
  return std::move(*recording);
}

Result<Recording> Recording::load(const std::string& path) {
  auto text = read_file(path, limits::kRecordingBytes);
  if (!text) return fail(text.error().wrap("the recorded model cannot be read"));
  return parse(*text, path);
}

std::string Recording::to_text() const {
  std::string out = header_.comments + to_json(wire::to_json_object(header_)) + "\n";
  for (const auto& turn : turns_) out += turn.comments + to_json(wire::to_json_object(turn)) + "\n";
  return out + final_comments_;
}

Result<> Recording::save(const std::string& path) const { return write_file_atomic(path, to_text(), 0644); }

std::optional<std::size_t> Recording::first_incomplete() const {
  for (std::size_t i = 0; i < turns_.size(); ++i) {
    const bool knows_setup = turns_[i].setup || turns_[i].continues >= 0;
    if (!turns_[i].new_messages || !knows_setup) return i;
  }
  return std::nullopt;
}

Result<> Recording::append(RecordedTurn turn) {
  if (turns_.size() >= limits::kRecordingTurns) {
    return fail(Code::kResourceExhausted,
                fmt::format("the recording has {} turns, the limit", limits::kRecordingTurns));
  }
  auto& conversation = conversations_[turn.conversation];
  turn.name = fmt::format("{}.{}", turn.conversation, conversation.size() + 1);
  turn.continues = conversation.empty() ? -1 : static_cast<int>(conversation.back());
  if (turn.after && *turn.after == "start") {
    turn.continues = -1;
  } else if (turn.after) {
    const auto found = find(*turn.after);
    if (!found) {
      return fail(invalid_argument(
          fmt::format("after: there is no turn '{}' before this one (names are CONVERSATION.NUMBER, or \"start\")",
                      printable(*turn.after, 80))));
    }
    turn.continues = static_cast<int>(*found);
  }
  auto& uses = turn.answer.response.message.tool_uses;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (uses[i].id.empty()) uses[i].id = wire::default_use_id(turn.name, i);
  }
  conversation.push_back(turns_.size());
  turns_.push_back(std::move(turn));
  return {};
}

std::optional<std::size_t> Recording::find(std::string_view name) const {
  const auto dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto conversation = conversations_.find(std::string(name.substr(0, dot)));
  const auto digits = name.substr(dot + 1);
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (conversation == conversations_.end() || error != std::errc() || end != digits.data() + digits.size())
    return std::nullopt;
  if (number == 0 || number > conversation->second.size()) return std::nullopt;
  return conversation->second[number - 1];
}

void Recording::set_request(std::size_t index, std::optional<json::object> setup,
                            std::vector<json::object> new_messages) {
  turns_[index].setup = std::move(setup);
  turns_[index].new_messages = std::move(new_messages);
}

void Recording::restart(std::size_t index) {
  turns_[index].after = "start";
  turns_[index].continues = -1;
}

void Recording::set_usage_estimate(std::size_t index, const Usage& usage) {
  auto& answer = turns_[index].answer;
  answer.response.usage = usage;
  answer.response.usage_known = true;
  answer.has_usage = answer.usage_estimated = true;
}

const json::object* Recording::setup_of(std::size_t index) const {
  for (int at = static_cast<int>(index); at >= 0; at = turns_[static_cast<std::size_t>(at)].continues) {
    const auto& turn = turns_[static_cast<std::size_t>(at)];
    if (turn.setup) return &*turn.setup;
  }
  return nullptr;
}

}  // namespace remit::models
