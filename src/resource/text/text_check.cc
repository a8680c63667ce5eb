#include "resource/text/text_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/strings.h"
#include "resource/limits.h"

namespace remit::resource {

int line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::ranges::count(text.substr(0, offset), '\n'));
}

static int first_bad_utf8_line(std::string_view text) {
  int line = 1;
  for (const auto part : split(text, '\n')) {
    if (!is_valid_utf8(part)) return line;
    ++line;
  }
  return 0;
}

std::optional<Problem> check_text(std::string_view text, const std::string& file) {
  if (text.size() > limits::kManifestBytes) {
    return Problem{file, 0, "", fmt::format("{} bytes; at most {} are read", text.size(), limits::kManifestBytes), ""};
  }
  if (!is_valid_utf8(text))
    return Problem{file, first_bad_utf8_line(text), "", "not valid UTF-8; save the file as UTF-8", ""};
  const auto control = std::ranges::find_if(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
  if (control == text.end()) return std::nullopt;
  const auto offset = static_cast<std::size_t>(control - text.begin());
  return Problem{
      file, line_at(text, offset), "",
      fmt::format("the control character 0x{:02x} cannot stand in a manifest", static_cast<unsigned char>(*control)),
      ""};
}

}  // namespace remit::resource
