// OutputLines: turns what a program prints into lines for the run log, bounded. A value; no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace remit::agent {

inline constexpr std::size_t kOutputLineBytes = 4u << 10;  // A longer line is broken.
inline constexpr std::size_t kRecordedOutputBytes = 1u
                                                    << 20;  // Of one program, both streams; then only the end is kept.
inline constexpr std::size_t kOutputTailBytes = 16u << 10;  // Kept of each stream's end.

class OutputLines {
 public:
  enum class Stream : std::uint8_t { kStdout, kStderr };
  // The key is replaced by "***" wherever it stands in a line.
  explicit OutputLines(std::string key) : key_(std::move(key)) {}

  // The whole lines that these bytes complete, valid UTF-8, without their ends. After kRecordedOutputBytes one last
  // line says so.
  std::vector<std::string> add(Stream stream, std::string_view bytes);
  // What is left without an end of line.
  std::vector<std::string> finish();

  // The end of what was printed, valid UTF-8 and masked.
  std::string tail(Stream stream) const;

 private:
  struct Part {
    std::string open;
    std::string tail;
  };
  Part& part(Stream stream) { return stream == Stream::kStdout ? stdout_ : stderr_; }
  const Part& part(Stream stream) const { return stream == Stream::kStdout ? stdout_ : stderr_; }
  std::string masked(std::string_view text) const;
  void emit(std::string_view line, std::vector<std::string>& lines);

  std::string key_;
  Part stdout_, stderr_;
  std::size_t recorded_ = 0;
  bool full_ = false;
};

}  // namespace remit::agent
