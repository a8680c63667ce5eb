// DocumentBuilder: puts one document together from the events of a YAML or JSON reader, with the line of every field;
// refuses duplicate keys and whatever is over a limit. For one document.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "resource/manifest.h"
#include "resource/problem.h"

namespace remit::resource {

class DocumentBuilder {
 public:
  // A limit was hit or the structure is unusable: the document ends here. Caught by the reader that drives the builder;
  // never leaves this module.
  struct Stop {
    Problem problem;
  };

  DocumentBuilder(std::string file, Problems& problems) : file_(file), source_(std::move(file)), problems_(problems) {}

  void scalar(json::value value, int line);
  void begin_map(int line);
  void begin_list(int line);
  void end();
  // The next value's key.
  void key(std::string_view name, int line);
  // A copy of a value that was built before; counts as its nodes.
  void copy(const json::value& value, int line);

  bool in_map_wanting_key() const { return !frames_.empty() && frames_.back().is_map && !frames_.back().has_key; }
  std::string path() const;  // Of the value that comes next.
  void add(int line, std::string message);
  [[noreturn]] void stop(int line, std::string message) const;

  // The value that was completed last; valid until the next event.
  const json::value* last() const { return last_; }
  bool complete() const { return root_.has_value() && frames_.empty(); }
  Document take();

 private:
  struct Frame {
    json::value value;
    std::string path;
    std::string key;
    int line = 0;
    bool is_map = false;
    bool has_key = false;
    bool dropped = false;  // The key stood there before: build the value, then forget it.
  };

  void count(int line, std::size_t nodes, std::size_t bytes);
  void count_tree(const json::value& value, int line);
  void attach(json::value value, int line);
  void begin(bool is_map, int line);
  void note_line(const std::string& path, int line);

  std::string file_;
  SourceMap source_;
  Problems& problems_;
  std::vector<Frame> frames_;
  std::optional<json::value> root_;
  const json::value* last_ = nullptr;
  json::value scratch_;
  std::size_t nodes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace remit::resource
