#include "resource/text/document_builder.h"

#include <fmt/format.h>

#include "base/strings.h"
#include "resource/limits.h"

namespace remit::resource {

// A field whose path is longer has the line of the field around it; this bounds the memory of the map.
static constexpr std::size_t kPathBytes = 512;
static constexpr std::size_t kKeyBytes = 512;

void DocumentBuilder::stop(int line, std::string message) const {
  std::string where = path();
  if (where.size() > kPathBytes) where.resize(kPathBytes);
  throw Stop{{file_, line, printable(where), std::move(message), ""}};
}

void DocumentBuilder::add(int line, std::string message) {
  if (problems_.size() >= limits::kProblems) stop(line, "there are more problems; correct these first");
  problems_.push_back({file_, line, printable(path(), kPathBytes), std::move(message), ""});
}

std::string DocumentBuilder::path() const {
  if (frames_.empty()) return "";
  const Frame& top = frames_.back();
  if (top.is_map) return top.has_key ? join_path(top.path, top.key) : top.path;
  return join_path(top.path, top.value.get_array().size());
}

void DocumentBuilder::note_line(const std::string& path, int line) {
  if (path.size() <= kPathBytes) source_.set(path, line);
}

void DocumentBuilder::count(int line, std::size_t nodes, std::size_t bytes) {
  nodes_ += nodes;
  bytes_ += bytes;
  if (nodes_ > limits::kManifestNodes) {
    stop(line, fmt::format("the document has more than {} values (aliases expanded)", limits::kManifestNodes));
  }
  if (bytes_ > limits::kDocumentBytes) {
    stop(line, fmt::format("the document is larger than {} bytes (aliases expanded)", limits::kDocumentBytes));
  }
}

void DocumentBuilder::count_tree(const json::value& value, int line) {
  if (const auto* object = value.if_object()) {
    count(line, 1, 0);
    for (const auto& member : *object) {
      count(line, 0, member.key().size());
      count_tree(member.value(), line);
    }
  } else if (const auto* array = value.if_array()) {
    count(line, 1, 0);
    for (const auto& item : *array) count_tree(item, line);
  } else {
    const auto* text = value.if_string();
    count(line, 1, text ? text->size() : 8);
  }
}

static std::size_t depth_of(const json::value& value) {
  std::size_t deepest = 0;
  if (const auto* object = value.if_object()) {
    for (const auto& member : *object) deepest = std::max(deepest, depth_of(member.value()));
    return deepest + 1;
  }
  if (const auto* array = value.if_array()) {
    for (const auto& item : *array) deepest = std::max(deepest, depth_of(item));
    return deepest + 1;
  }
  return 0;
}

void DocumentBuilder::key(std::string_view name, int line) {
  Frame& top = frames_.back();
  if (name.size() > kKeyBytes)
    stop(line, fmt::format("a key of {} bytes; at most {} are taken", name.size(), kKeyBytes));
  if (!is_valid_utf8(name)) stop(line, "a key is not valid UTF-8");
  count(line, 0, name.size());
  top.key = name;
  top.has_key = true;
  top.dropped = top.value.get_object().contains(jsv(name));
  if (top.dropped) {
    add(line,
        fmt::format("duplicate key '{}'; it stands at line {} already", printable(name, 60), source_.line(path())));
  } else {
    note_line(path(), line);
  }
}

void DocumentBuilder::attach(json::value value, int line) {
  if (frames_.empty()) {
    root_ = std::move(value);
    last_ = &*root_;
    return;
  }
  Frame& top = frames_.back();
  if (!top.is_map) {
    auto& list = top.value.get_array();
    list.push_back(std::move(value));
    last_ = &list.back();
    return;
  }
  if (!top.has_key) stop(line, "a value without a key");
  top.has_key = false;
  if (top.dropped) {
    scratch_ = std::move(value);
    last_ = &scratch_;
    return;
  }
  last_ = &(top.value.get_object()[jsv(top.key)] = std::move(value));
}

void DocumentBuilder::scalar(json::value value, int line) {
  const auto* text = value.if_string();
  if (text && !is_valid_utf8({text->data(), text->size()})) stop(line, "a string is not valid UTF-8");
  count(line, 1, text ? text->size() : 8);
  if (!frames_.empty() && !frames_.back().is_map) note_line(path(), line);
  attach(std::move(value), line);
}

void DocumentBuilder::begin(bool is_map, int line) {
  count(line, 1, 0);
  if (frames_.size() >= limits::kManifestDepth) {
    stop(line, fmt::format("nested deeper than {} levels", limits::kManifestDepth));
  }
  Frame frame;
  frame.path = path();
  frame.line = line;
  frame.is_map = is_map;
  if (is_map)
    frame.value.emplace_object();
  else
    frame.value.emplace_array();
  if (frames_.empty() || !frames_.back().is_map) note_line(frame.path, line);
  frames_.push_back(std::move(frame));
}

void DocumentBuilder::begin_map(int line) { begin(true, line); }
void DocumentBuilder::begin_list(int line) { begin(false, line); }

void DocumentBuilder::end() {
  Frame done = std::move(frames_.back());
  frames_.pop_back();
  attach(std::move(done.value), done.line);
}

void DocumentBuilder::copy(const json::value& value, int line) {
  count_tree(value, line);
  if (frames_.size() + depth_of(value) > limits::kManifestDepth) {
    stop(line, fmt::format("nested deeper than {} levels", limits::kManifestDepth));
  }
  if (!frames_.empty() && !frames_.back().is_map) note_line(path(), line);
  attach(value, line);
}

Document DocumentBuilder::take() {
  Document out{root_ ? std::move(*root_) : json::value(), std::move(source_)};
  return out;
}

}  // namespace remit::resource
