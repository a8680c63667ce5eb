// YAML text → documents, over yaml-cpp's events. Its node tree is not used: it keeps duplicate keys silently and shares
// aliases without bound.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <sstream>

#include "base/strings.h"
#include "resource/limits.h"
#include "resource/manifest.h"
#include "resource/text/document_builder.h"
#include "resource/text/text_check.h"
#include "resource/text/yaml_scalar.h"

namespace remit::resource {

namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Finds the start of a line; asked for lines in rising order.
class LineCursor {
 public:
  explicit LineCursor(std::string_view text) : text_(text) {}

  std::string_view from_line(int line) {
    for (; line_ < line && at_ < text_.size(); ++line_) {
      const auto end = text_.find('\n', at_);
      at_ = end == std::string_view::npos ? text_.size() : end + 1;
    }
    return text_.substr(at_);
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 0;
};

class Handler final : public YAML::EventHandler {
 public:
  Handler(std::string_view text, std::string file, Problems& problems, std::vector<Document>& out)
      : lines_(text), file_(std::move(file)), problems_(problems), out_(out) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > limits::kManifestDocuments) {
      throw DocumentBuilder::Stop{
          {file_, mark.line + 1, "", fmt::format("more than {} documents", limits::kManifestDocuments), ""}};
    }
    // yaml-cpp takes what does not belong to the value before it for another document.
    if (documents_ > 1 && !lines_.from_line(mark.line).starts_with("---")) {
      throw DocumentBuilder::Stop{
          {file_, mark.line + 1, "",
           "not valid YAML: this does not belong to the value before it; two documents need '---' between them", ""}};
    }
    builder_.emplace(file_, problems_);
    anchors_.clear();
    open_.clear();
    aliases_ = 0;
  }

  void OnDocumentEnd() override {
    if (!builder_ || !builder_->complete()) return;
    Document document = builder_->take();
    if (!document.value.is_null()) out_.push_back(std::move(document));
    builder_.reset();
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { value(nullptr, mark, anchor, "~"); }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (builder_->in_map_wanting_key()) return key(mark, tag, text, anchor);
    value(typed(mark, tag, text), mark, anchor, text);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const int line = mark.line + 1;
    if (++aliases_ > limits::kYamlAliases)
      builder_->stop(line, fmt::format("more than {} aliases", limits::kYamlAliases));
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) builder_->stop(line, "an alias inside the value that it stands for");
    if (builder_->in_map_wanting_key()) builder_->stop(line, "a key must be written out, not be an alias");
    builder_->copy(found->second, line);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, tag, "seq", anchor);
    builder_->begin_list(mark.line + 1);
  }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, tag, "map", anchor);
    builder_->begin_map(mark.line + 1);
  }

  void OnSequenceEnd() override { finish(); }
  void OnMapEnd() override { finish(); }

 private:
  void start(const YAML::Mark& mark, const std::string& tag, std::string_view kind, YAML::anchor_t anchor) {
    const int line = mark.line + 1;
    if (builder_->in_map_wanting_key())
      builder_->stop(line, "expected a string as key, found a map or list (is a closing bracket missing?)");
    if (!tag.empty() && tag != "?" && tag != "!" && tag != fmt::format("{}{}", kTagPrefix, kind)) {
      builder_->add(line, fmt::format("the tag '{}' is not known; leave it out", printable(tag, 60)));
    }
    open_.push_back(anchor);
  }

  void finish() {
    builder_->end();
    keep(open_.back());
    open_.pop_back();
  }

  void keep(YAML::anchor_t anchor) {
    if (anchor == 0) return;
    if (anchors_.size() >= limits::kYamlAliases)
      builder_->stop(0, fmt::format("more than {} anchors", limits::kYamlAliases));
    anchors_.insert_or_assign(anchor, *builder_->last());
  }

  void value(json::value made, const YAML::Mark& mark, YAML::anchor_t anchor, std::string_view text) {
    if (builder_->in_map_wanting_key()) return key(mark, "?", std::string(text), anchor);
    builder_->scalar(std::move(made), mark.line + 1);
    keep(anchor);
  }

  void key(const YAML::Mark& mark, const std::string& tag, const std::string& text, YAML::anchor_t anchor) {
    const int line = mark.line + 1;
    if (anchor != 0) builder_->stop(line, "an anchor on a key; put it on a value");
    if (tag == "?" && text == "<<") builder_->stop(line, "merge keys ('<<') are not YAML 1.2; write the fields out");
    if (tag == "?" && resolve_plain_scalar(text).is_null())
      builder_->stop(line, "expected a string as key, found nothing");
    builder_->key(text, line);
  }

  json::value typed(const YAML::Mark& mark, const std::string& tag, const std::string& text) {
    if (tag == "?" || tag.empty()) return resolve_plain_scalar(text);
    if (tag == "!" || tag == fmt::format("{}str", kTagPrefix)) return json::string(jsv(text));
    const std::string_view name =
        std::string_view(tag).starts_with(kTagPrefix) ? std::string_view(tag).substr(kTagPrefix.size()) : "";
    json::value made = resolve_plain_scalar(text);
    const bool fits = (name == "int" && made.is_int64()) || (name == "bool" && made.is_bool()) ||
                      (name == "null" && made.is_null()) || (name == "float" && made.is_number());
    if (!fits)
      builder_->add(mark.line + 1,
                    fmt::format("the tag '{}' is not known or does not fit; leave it out", printable(tag, 60)));
    return made;
  }

  LineCursor lines_;
  std::string file_;
  Problems& problems_;
  std::vector<Document>& out_;
  std::optional<DocumentBuilder> builder_;
  std::map<YAML::anchor_t, json::value>
      anchors_;  // Complete ones only, so that an alias cannot stand inside its own value.
  std::vector<YAML::anchor_t> open_;
  std::size_t aliases_ = 0;
  std::size_t documents_ = 0;
};

}  // namespace

std::expected<std::vector<Document>, Problems> parse_yaml(std::string_view text, std::string file) {
  Problems problems;
  if (auto problem = check_text(text, file)) return std::unexpected(Problems{std::move(*problem)});
  std::vector<Document> out;
  Handler handler(text, file, problems, out);
  try {
    std::string closed(text);
    // yaml-cpp takes a quoted string without an end for whole when the text ends in a new line; a document's end inside
    // it is refused.
    if (text.ends_with('\n')) closed += "...\n";
    std::istringstream stream(closed);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (DocumentBuilder::Stop& stop) {
    problems.push_back(std::move(stop.problem));
  } catch (const YAML::Exception& error) {
    problems.push_back({file, error.mark.is_null() ? 0 : error.mark.line + 1, "", "not valid YAML: " + error.msg, ""});
  } catch (const std::exception& error) {
    // yaml-cpp also lets what the standard library throws pass through.
    problems.push_back({file, 0, "", std::string("not valid YAML: ") + error.what(), ""});
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return out;
}

}  // namespace remit::resource
