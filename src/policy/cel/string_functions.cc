// Methods of strings: the standard ones and the extension strings. Positions count characters (code points), not bytes.
#include <algorithm>
#include <cstring>

#include "base/strings.h"
#include "policy/cel/functions.h"

namespace remit::policy::cel {

using Arguments = std::span<const Value>;

static Value exhausted() { return Value::error("a limit of the evaluation was hit"); }
static Value out_of_range(std::int64_t index) { return Value::error(fmt::format("index out of range: {}", index)); }

static bool both_strings(Arguments a) { return a[0].is(Kind::kString) && a[1].is(Kind::kString); }

static Value make_string(std::string text, Meter& meter) {
  return meter.make(text.size()) ? Value::string(std::move(text)) : exhausted();
}

// memmem is linear whatever the input; string_view::find is not.
static std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from = 0) {
  if (from > text.size()) return std::string_view::npos;
  const auto* found =
      static_cast<const char*>(memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size()));
  return found ? static_cast<std::size_t>(found - text.data()) : std::string_view::npos;
}

// Where each character begins, and the end. Past the limit the text is one character: nothing comes of it any more.
static std::vector<std::size_t> character_starts(std::string_view text, Meter& meter) {
  if (!meter.step(text.size() / 16)) return {0, text.size()};
  std::vector<std::size_t> starts;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) starts.push_back(i);
  }
  starts.push_back(text.size());
  return starts;
}

static Value contains(Arguments a, Meter& meter) {
  if (!both_strings(a)) return no_overload("contains", a);
  if (!meter.step(a[0].text().size() / 256)) return exhausted();
  return Value::boolean(find_text(a[0].text(), a[1].text()) != std::string_view::npos);
}
static Value starts_with(Arguments a, Meter&) {
  return both_strings(a) ? Value::boolean(a[0].text().starts_with(a[1].text())) : no_overload("startsWith", a);
}
static Value ends_with(Arguments a, Meter&) {
  return both_strings(a) ? Value::boolean(a[0].text().ends_with(a[1].text())) : no_overload("endsWith", a);
}

static Value char_at(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString) || !a[1].is(Kind::kInt)) return no_overload("charAt", a);
  const auto starts = character_starts(a[0].text(), meter);
  const std::int64_t index = a[1].as_int(), size = static_cast<std::int64_t>(starts.size()) - 1;
  if (index < 0 || index > size) return out_of_range(index);
  if (index == size) return Value::string("");
  const auto i = static_cast<std::size_t>(index);
  return make_string(std::string(a[0].text().substr(starts[i], starts[i + 1] - starts[i])), meter);
}

static Value position(std::size_t byte, std::string_view text) {
  if (byte == std::string_view::npos) return Value::integer(-1);
  return Value::integer(static_cast<std::int64_t>(count_characters(text.substr(0, byte))));
}

// indexOf and lastIndexOf with an optional position to begin from.
static Value search(std::string_view name, Arguments a, Meter& meter, bool last) {
  if (!both_strings(a) || (a.size() == 3 && !a[2].is(Kind::kInt))) return no_overload(name, a);
  const auto text = a[0].text(), wanted = a[1].text();
  // Looking backwards may take as long as both texts multiplied.
  if (!meter.step(last ? text.size() / 16 * (1 + wanted.size() / 16) : text.size() / 64)) return exhausted();
  if (a.size() == 2) return position(last ? text.rfind(wanted) : find_text(text, wanted), text);
  const auto starts = character_starts(text, meter);
  const std::int64_t from = a[2].as_int(), size = static_cast<std::int64_t>(starts.size()) - 1;
  if (from < 0 || from > size) return out_of_range(from);
  const std::size_t byte = starts[static_cast<std::size_t>(from)];
  return position(last ? text.rfind(wanted, byte) : find_text(text, wanted, byte), text);
}
static Value index_of(Arguments a, Meter& m) { return search("indexOf", a, m, false); }
static Value last_index_of(Arguments a, Meter& m) { return search("lastIndexOf", a, m, true); }

static Value join(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kList) || (a.size() == 2 && !a[1].is(Kind::kString))) return no_overload("join", a);
  const std::string_view separator = a.size() == 2 ? a[1].text() : "";
  std::string out;
  for (std::size_t i = 0; i < a[0].size(); ++i) {
    const Value item = a[0].at(i);
    if (!item.is(Kind::kString)) return no_overload("join", a);
    if (!meter.make(item.text().size() + separator.size())) return exhausted();
    if (i > 0) out += separator;
    out += item.text();
  }
  return Value::string(std::move(out));
}

template <char kFirst, char kLast>
static Value shift_case(std::string_view name, Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString)) return no_overload(name, a);
  std::string out(a[0].text());
  for (char& c : out) {
    if (c >= kFirst && c <= kLast) c = static_cast<char>(c ^ 0x20);
  }
  return make_string(std::move(out), meter);
}
static Value lower(Arguments a, Meter& m) { return shift_case<'A', 'Z'>("lowerAscii", a, m); }
static Value upper(Arguments a, Meter& m) { return shift_case<'a', 'z'>("upperAscii", a, m); }

// The byte where the character after `at` begins.
static std::size_t next_character(std::string_view text, std::size_t at) {
  do ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
  return at;
}

static Value replace(Arguments a, Meter& meter) {
  const bool sound = both_strings(a) && a[2].is(Kind::kString) && (a.size() == 3 || a[3].is(Kind::kInt));
  if (!sound) return no_overload("replace", a);
  const auto text = a[0].text(), wanted = a[1].text(), by = a[2].text();
  std::int64_t left = a.size() == 4 ? a[3].as_int() : -1;
  std::string out;
  std::size_t at = 0;
  while (left != 0) {
    const auto found = wanted.empty() ? at : find_text(text, wanted, at);
    if (found == std::string_view::npos || found > text.size()) break;
    if (!meter.make(found - at + by.size())) return exhausted();
    out += text.substr(at, found - at);
    out += by;
    at = found + wanted.size(), --left;
    if (!wanted.empty()) continue;
    if (at >= text.size()) return Value::string(std::move(out));
    const auto next = next_character(text, at);
    out += text.substr(at, next - at), at = next;
  }
  if (!meter.make(text.size() - at)) return exhausted();
  out += text.substr(at);
  return Value::string(std::move(out));
}

static Value split(Arguments a, Meter& meter) {
  if (!both_strings(a) || (a.size() == 3 && !a[2].is(Kind::kInt))) return no_overload("split", a);
  const auto text = a[0].text(), separator = a[1].text();
  const std::int64_t limit = a.size() == 3 ? a[2].as_int() : -1;
  std::vector<Value> parts;
  if (limit == 0) return Value::list({});
  std::size_t at = 0;
  const auto keep = [&](std::size_t end) {
    parts.push_back(Value::string(std::string(text.substr(at, end - at))));
    return meter.make(end - at + sizeof(Value));
  };
  while (limit < 0 || static_cast<std::int64_t>(parts.size()) < limit - 1) {
    std::size_t end = separator.empty() ? std::string_view::npos : find_text(text, separator, at);
    if (separator.empty() && at < text.size()) end = next_character(text, at);
    if (end == std::string_view::npos || (separator.empty() && end >= text.size())) break;
    if (!keep(end)) return exhausted();
    at = end + separator.size();
  }
  const bool nothing_left = separator.empty() && at >= text.size();
  if (!nothing_left && !keep(text.size())) return exhausted();
  return Value::list(std::move(parts));
}

static Value substring(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString) || !a[1].is(Kind::kInt) || (a.size() == 3 && !a[2].is(Kind::kInt)))
    return no_overload("substring", a);
  const auto starts = character_starts(a[0].text(), meter);
  const std::int64_t size = static_cast<std::int64_t>(starts.size()) - 1;
  const std::int64_t begin = a[1].as_int(), end = a.size() == 3 ? a[2].as_int() : size;
  if (begin < 0 || begin > size) return out_of_range(begin);
  if (end < 0 || end > size) return out_of_range(end);
  if (begin > end) return Value::error(fmt::format("invalid substring range. start: {}, end: {}", begin, end));
  const auto first = starts[static_cast<std::size_t>(begin)], last = starts[static_cast<std::size_t>(end)];
  return make_string(std::string(a[0].text().substr(first, last - first)), meter);
}

// Unicode's White_Space, as the extension defines trim().
static bool is_space(std::string_view character) {
  static constexpr std::string_view kSpaces[] = {
      "\t",           "\n",           "\v",           "\f",           "\r",           " ",
      "\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81", "\xe2\x80\x82",
      "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
      "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
      "\xe3\x80\x80"};
  return std::ranges::find(kSpaces, character) != std::end(kSpaces);
}

static Value trim(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString)) return no_overload("trim", a);
  const auto text = a[0].text();
  const auto starts = character_starts(text, meter);
  std::size_t first = 0, last = starts.size() - 1;
  const auto character = [&](std::size_t i) { return text.substr(starts[i], starts[i + 1] - starts[i]); };
  while (first < last && is_space(character(first))) ++first;
  while (last > first && is_space(character(last - 1))) --last;
  return make_string(std::string(text.substr(starts[first], starts[last] - starts[first])), meter);
}

static Value reverse(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString)) return no_overload("reverse", a);
  const auto starts = character_starts(a[0].text(), meter);
  std::string out;
  for (std::size_t i = starts.size() - 1; i-- > 0;) out += a[0].text().substr(starts[i], starts[i + 1] - starts[i]);
  return make_string(std::move(out), meter);
}

static Value quote(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString)) return no_overload("strings.quote", a);
  static constexpr std::string_view kSpecial = "\a\b\f\n\r\t\v\\\"";
  static constexpr std::string_view kNames = "abfnrtv\\\"";
  std::string out = "\"";
  for (const char c : a[0].text()) {
    const auto special = kSpecial.find(c);
    if (special == std::string_view::npos) {
      out += c;
    } else {
      out += '\\', out += kNames[special];
    }
  }
  return make_string(out + '"', meter);
}

static Value format(Arguments a, Meter& meter) {
  if (!a[0].is(Kind::kString) || !a[1].is(Kind::kList)) return no_overload("format", a);
  return format_text(a[0].text(), a[1], meter);
}

static constexpr FunctionEntry kTable[] = {
    {"contains", true, 2, 2, contains},
    {"startsWith", true, 2, 2, starts_with},
    {"endsWith", true, 2, 2, ends_with},
    {"charAt", true, 2, 2, char_at},
    {"indexOf", true, 2, 3, index_of},
    {"lastIndexOf", true, 2, 3, last_index_of},
    {"join", true, 1, 2, join},
    {"lowerAscii", true, 1, 1, lower},
    {"upperAscii", true, 1, 1, upper},
    {"replace", true, 3, 4, replace},
    {"split", true, 2, 3, split},
    {"substring", true, 2, 3, substring},
    {"trim", true, 1, 1, trim},
    {"reverse", true, 1, 1, reverse},
    {"strings.quote", false, 1, 1, quote},
    {"format", true, 2, 2, format},
};

std::span<const FunctionEntry> string_functions() { return kTable; }

}  // namespace remit::policy::cel
