// LiveView: what a person sees of a run: the head, a line for each call, and the summary at the end. Plain lines when
// the output is no terminal; colours and a progress line when it is. Everything from outside is made printable. One
// thread.
#pragma once

#include <cstdio>
#include <string>

#include "resource/mission.h"
#include "resource/source_map.h"
#include "serve/run_view.h"

namespace remit::cli {

struct LiveViewOptions {
  std::FILE* out = stdout;
  bool terminal = false;
  std::string recording;  // Path of the recorded model; "" for a live one.
};

class LiveView {
 public:
  LiveView(LiveViewOptions options, const resource::Mission& mission, const resource::SourceMap& source);

  void head();
  // After `view` has taken in the record.
  void on_record(const RunRecord& record, const serve::RunView& view);
  // `sandboxes_left`: nullopt when another process drove the run.
  void summary(const serve::RunView& view, const std::string& run_id, std::optional<std::size_t> sandboxes_left);

 private:
  void call_line(const serve::CallView& call, const serve::RunView& view);
  void line(const serve::RunView& view, WallTime time, const serve::CallView& call, std::string_view verdict,
            const std::string& detail);
  std::string model_detail(const serve::CallView& call, const serve::RunView& view) const;
  std::string tool_detail(const serve::CallView& call) const;
  std::string paint(std::string_view text, const char* colour) const;
  void progress(const serve::RunView& view);
  void clear_progress();
  void print(const std::string& text);

  LiveViewOptions options_;
  const resource::Mission& mission_;
  const resource::SourceMap& source_;
  bool progress_shown_ = false;
};

// True when `out` is a terminal that takes colours.
bool is_terminal(std::FILE* out);

}  // namespace remit::cli
