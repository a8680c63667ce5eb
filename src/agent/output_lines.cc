#include "agent/output_lines.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::agent {

std::string OutputLines::masked(std::string_view text) const {
  std::string out = to_valid_utf8(text);
  if (key_.empty()) return out;
  for (auto at = out.find(key_); at != std::string::npos; at = out.find(key_, at + 3))
    out.replace(at, key_.size(), "***");
  return out;
}

void OutputLines::emit(std::string_view line, std::vector<std::string>& lines) {
  if (full_) return;
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (recorded_ + line.size() > kRecordedOutputBytes) {
    full_ = true;
    lines.push_back(fmt::format("[… more output: only its end is kept, after {} bytes]", kRecordedOutputBytes));
    return;
  }
  recorded_ += line.size() + 1;
  lines.push_back(masked(line));
}

std::vector<std::string> OutputLines::add(Stream stream, std::string_view bytes) {
  std::vector<std::string> lines;
  auto& [open, tail] = part(stream);
  tail += bytes;
  if (tail.size() > 2 * kOutputTailBytes) tail.erase(0, tail.size() - kOutputTailBytes);
  open += bytes;
  std::size_t begin = 0;
  for (;;) {
    const auto end = open.find('\n', begin);
    if (end != std::string::npos && end - begin <= kOutputLineBytes) {
      emit(std::string_view(open).substr(begin, end - begin), lines);
      begin = end + 1;
    } else if (open.size() - begin > kOutputLineBytes) {
      emit(std::string_view(open).substr(begin, kOutputLineBytes), lines);
      begin += kOutputLineBytes;
    } else {
      break;
    }
  }
  open.erase(0, begin);
  return lines;
}

std::vector<std::string> OutputLines::finish() {
  std::vector<std::string> lines;
  for (auto* each : {&stdout_, &stderr_}) {
    if (!each->open.empty()) emit(each->open, lines);
    each->open.clear();
  }
  return lines;
}

std::string OutputLines::tail(Stream stream) const {
  std::string_view text = part(stream).tail;
  if (text.size() > kOutputTailBytes) {
    text.remove_prefix(text.size() - kOutputTailBytes);
    // A cut key would not be recognised: what stands before the first end of line goes too.
    const auto line = text.find('\n');
    if (line != std::string_view::npos) text.remove_prefix(line + 1);
  }
  return masked(text);
}

}  // namespace remit::agent
