#include "resource/problem.h"

#include <fmt/format.h>

namespace remit::resource {

std::string Problem::to_string() const {
  std::string out;
  if (!file.empty()) out += file + ":";
  if (line > 0) out += file.empty() ? fmt::format("line {}:", line) : fmt::format("{}:", line);
  if (!out.empty()) out += ' ';
  if (!path.empty()) out += path + ": ";
  out += message;
  if (!nearest.empty()) out += fmt::format("; did you mean '{}'?", nearest);
  return out;
}

Error to_error(std::span<const Problem> problems) {
  std::string text;
  for (const auto& problem : problems) {
    if (!text.empty()) text += '\n';
    text += problem.to_string();
  }
  return invalid_argument(text.empty() ? "invalid" : std::move(text));
}

}  // namespace remit::resource
