// JSON tree → YAML text.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "resource/manifest.h"
#include "resource/text/yaml_scalar.h"

namespace remit::resource {

namespace {

constexpr std::size_t kSimpleKeyBytes = 120;  // YAML takes 1,024 characters; a longer key is written with '?'.

std::string_view view(json::string_view text) { return {text.data(), text.size()}; }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const auto third = static_cast<unsigned char>(i + 2 < text.size() ? text[i + 2] : 0);
    if (c == '"' || c == '\\') {
      out += '\\', out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      out += fmt::format("\\x{:02x}", c);
    } else if (c == 0xc2 && next < 0xa1) {  // U+0080 to U+00A0: controls, next line, no-break space.
      out += fmt::format("\\x{:02x}", next), ++i;
    } else if (c == 0xe2 && next == 0x80 && (third == 0xa8 || third == 0xa9)) {  // Line and paragraph separators.
      out += fmt::format("\\u20{:02x}", third - 0x80), i += 2;
    } else if (c == 0xef && next == 0xbb && third == 0xbf) {  // Byte order mark.
      out += "\\ufeff", i += 2;
    } else {
      out += static_cast<char>(c);
    }
  }
  return out + '"';
}

// Text of several lines that a literal block keeps as it is.
bool can_be_block(std::string_view text) {
  if (text.find('\n') == std::string_view::npos || text.front() == ' ' || text.front() == '\n' ||
      text.ends_with("\n\n"))
    return false;
  const auto lines = split(text, '\n');
  if (std::ranges::any_of(lines, [](std::string_view line) { return line.ends_with(' ') || line.starts_with('#'); }))
    return false;
  // Printable ASCII and letters of Unicode; rarer characters are safer in quotes.
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '\n' || (byte >= 0x20 && byte != 0x7f && byte != 0xc2 && byte != 0xe2 && byte != 0xef);
  });
}

std::string number_text(double number) {
  std::string out = fmt::format("{}", number);
  if (out.find('.') != std::string::npos) return out;
  const auto exponent = out.find('e');
  out.insert(exponent == std::string::npos ? out.size() : exponent, ".0");
  return out;
}

class YamlWriter {
 public:
  std::string take() { return std::move(out_); }

  void top(const json::value& value) {
    if (is_block(value)) return block(value, 0);
    scalar_or_empty(value);
    out_ += '\n';
  }

 private:
  static bool is_block(const json::value& value) {
    return (value.is_object() && !value.get_object().empty()) || (value.is_array() && !value.get_array().empty());
  }

  void indent(std::size_t level) { out_.append(level * 2, ' '); }

  // The lines of a map or list that is not empty, each with its indent.
  void block(const json::value& value, std::size_t level) {
    if (const auto* object = value.if_object()) {
      bool first = true;
      for (const auto& member : *object) {
        if (!first || !inline_start_) indent(level);
        first = false, inline_start_ = false;
        entry(view(member.key()), member.value(), level);
      }
      return;
    }
    bool first = true;
    for (const auto& item : value.get_array()) {
      if (!first || !inline_start_) indent(level);
      first = false, inline_start_ = false;
      out_ += "- ";
      if (is_block(item)) {
        inline_start_ = true;  // The item's first line goes on behind the dash.
        block(item, level + 1);
      } else {
        text_or_scalar(item, level + 1);
      }
    }
  }

  void entry(std::string_view key, const json::value& value, std::size_t level) {
    const std::string name = can_stand_plain(key) && key.size() <= kSimpleKeyBytes ? std::string(key) : quoted(key);
    if (name.size() <= kSimpleKeyBytes) {
      out_ += name;
    } else {
      out_ += "? " + name + '\n';
      indent(level);
    }
    out_ += ':';
    if (is_block(value)) {
      out_ += '\n';
      block(value, level + 1);
    } else {
      out_ += ' ';
      text_or_scalar(value, level + 1);
    }
  }

  void text_or_scalar(const json::value& value, std::size_t level) {
    const auto* text = value.if_string();
    if (!text || !can_be_block(view(*text))) {
      scalar_or_empty(value);
      out_ += '\n';
      return;
    }
    std::string_view rest = view(*text);
    const bool ends_with_newline = rest.ends_with('\n');
    if (ends_with_newline) rest.remove_suffix(1);
    out_ += ends_with_newline ? "|\n" : "|-\n";
    for (const auto line : split(rest, '\n')) {
      if (!line.empty()) indent(level);
      out_ += line;
      out_ += '\n';
    }
  }

  void scalar_or_empty(const json::value& value) {
    switch (value.kind()) {
      case json::kind::null: out_ += "null"; return;
      case json::kind::bool_: out_ += value.get_bool() ? "true" : "false"; return;
      case json::kind::int64: out_ += fmt::format("{}", value.get_int64()); return;
      case json::kind::uint64: out_ += fmt::format("{}", value.get_uint64()); return;
      case json::kind::double_: out_ += number_text(value.get_double()); return;
      case json::kind::string: {
        const auto text = view(value.get_string());
        out_ += can_stand_plain(text) ? std::string(text) : quoted(text);
        return;
      }
      case json::kind::array: out_ += "[]"; return;
      case json::kind::object: out_ += "{}"; return;
    }
  }

  std::string out_;
  bool inline_start_ = false;
};

}  // namespace

std::string to_yaml(const json::value& value) {
  YamlWriter writer;
  writer.top(value);
  return writer.take();
}

}  // namespace remit::resource
