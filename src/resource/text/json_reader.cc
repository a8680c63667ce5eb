// JSON text (one document or several in a row) → documents. Boost.JSON decides whether the text is JSON; a walk over
// what it passed then builds the documents, because Boost.JSON tells neither lines nor duplicate keys.
#include <fmt/format.h>

#include <boost/json/stream_parser.hpp>

#include "resource/limits.h"
#include "resource/manifest.h"
#include "resource/text/document_builder.h"
#include "resource/text/text_check.h"

namespace remit::resource {

namespace {

// Walks text that is known to be one valid JSON value.
class Walker {
 public:
  Walker(std::string_view text, int first_line, DocumentBuilder& builder)
      : text_(text), line_(first_line), builder_(builder) {}

  void walk() {
    // A stack of its own instead of recursion; the builder bounds the depth.
    std::vector<char> closers;
    do {
      skip_space();
      const char c = text_[at_];
      if (c == '{' || c == '[') {
        c == '{' ? builder_.begin_map(line_) : builder_.begin_list(line_);
        closers.push_back(c == '{' ? '}' : ']');
        ++at_;
      } else if (c == '}' || c == ']') {
        builder_.end();
        closers.pop_back();
        ++at_;
      } else if (c == ',') {
        ++at_;
      } else if (c == '"' && builder_.in_map_wanting_key()) {
        const int line = line_;
        const json::value name = token();
        builder_.key({name.get_string().data(), name.get_string().size()}, line);
        skip_space();
        ++at_;  // ':'
      } else {
        const int line = line_;
        builder_.scalar(token(), line);
      }
    } while (!closers.empty());
  }

 private:
  void skip_space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\r' || text_[at_] == '\n')) {
      if (text_[at_] == '\n') ++line_;
      ++at_;
    }
  }

  json::value token() {
    const std::size_t start = at_;
    if (text_[at_] == '"') {
      for (++at_; text_[at_] != '"'; ++at_) {
        if (text_[at_] == '\\') ++at_;
      }
      ++at_;
    } else {
      const auto end = text_.find_first_of(",]} \t\r\n", at_);
      at_ = end == std::string_view::npos ? text_.size() : end;
    }
    json::error_code error;
    json::value made = json::parse(jsv(text_.substr(start, at_ - start)), error);
    if (error) builder_.stop(line_, "not valid JSON: " + error.message());
    return made;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_;
  DocumentBuilder& builder_;
};

// The length of the JSON object or list that `text` begins with.
Result<std::size_t> document_length(json::stream_parser& parser, std::string_view text, std::size_t& failed_at) {
  parser.reset();
  json::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && !parser.done()) parser.finish(error);
  failed_at = used;
  if (error == json::error::too_deep) {
    return fail(invalid_argument(fmt::format("nested deeper than {} levels", limits::kManifestDepth)));
  }
  if (error) return fail(invalid_argument("not valid JSON: " + error.message()));
  parser.release();
  return used;
}

}  // namespace

std::expected<std::vector<Document>, Problems> parse_json_documents(std::string_view text, std::string file) {
  Problems problems;
  if (auto problem = check_text(text, file)) return std::unexpected(Problems{std::move(*problem)});
  std::vector<Document> out;
  json::parse_options options;
  options.max_depth = limits::kManifestDepth;
  json::stream_parser parser({}, options);
  int line = 1;
  for (std::size_t at = 0;;) {
    const auto start = text.find_first_not_of(" \t\r\n", at);
    if (start == std::string_view::npos) break;
    line += line_at(text.substr(at, start - at), start - at) - 1;
    const auto rest = text.substr(start);
    std::size_t failed_at = 0;
    const bool starts_well = rest[0] == '{' || rest[0] == '[';
    const auto length = starts_well ? document_length(parser, rest, failed_at)
                                    : fail(invalid_argument("not valid JSON: expected { or ["));
    if (out.size() >= limits::kManifestDocuments || !length) {
      problems.push_back(
          {file, line + line_at(rest, failed_at) - 1, "",
           length ? fmt::format("more than {} documents", limits::kManifestDocuments) : length.error().message(), ""});
      break;
    }
    try {
      DocumentBuilder builder(file, problems);
      Walker(rest.substr(0, *length), line, builder).walk();
      out.push_back(builder.take());
    } catch (DocumentBuilder::Stop& stop) {
      problems.push_back(std::move(stop.problem));
      break;
    }
    line += line_at(rest, *length) - 1;
    at = start + *length;
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return out;
}

}  // namespace remit::resource
