// A unified diff of two texts. Algorithm: E. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986, the
// greedy form, after cutting off the common beginning and end. Bounded: texts further apart than kMaxEditDistance lines
// are shown as the old middle replaced by the new one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace remit::sandbox {

inline constexpr std::size_t kMaxEditDistance = 1000;
// Where no text stands: printed as /dev/null.
inline constexpr std::string_view kNoFile = "/dev/null";

struct TextDiffNames {
  std::string old_name;
  std::string new_name;
};

// "" when both are the same. `escape`: control characters but tab become \xNN. A text over 4 G lines is not expected
// here.
std::string unified_diff(const TextDiffNames& names, std::string_view old_text, std::string_view new_text,
                         std::size_t context, bool escape);

// Valid UTF-8 without NUL: something to read.
bool is_text(std::string_view bytes);

}  // namespace remit::sandbox
