// Projection: the log of a run → spans. By OpenTelemetry's semantic conventions for generative AI (gen_ai.*:
// invoke_agent, chat, execute_tool), with what they have no name for under remit.*: verdict, justification, cost,
// sandbox. Pure and repeatable: one log always gives the same spans and ids.
#pragma once

#include <map>
#include <vector>

#include "core/run_record.h"
#include "trace/span.h"

namespace remit::trace {

class Projection {
 public:
  explicit Projection(Ulid run) : run_(run) {}

  void add(const RunRecord& record);
  // The run's own span first, then the calls in their order.
  std::vector<Span> spans() const;

 private:
  void begin(const RunRecord& record, const RunBegan& began);
  void propose(const RunRecord& record, const Proposed& proposed);
  void judge(const RunRecord& record, const Judged& judged);
  void settle(const RunRecord& record, const Settled& settled);
  void end(const RunRecord& record, const RunEnded& ended);
  void event(const RunRecord& record, std::string name, json::object attributes);
  std::string id_of(std::uint64_t call) const;

  Ulid run_;
  WallTime last_{};
  std::map<std::uint64_t, Span> spans_;
  std::int64_t cost_ = 0, input_ = 0, output_ = 0;
};

// The spans of one run as a tree for people, at most `width` columns; everything printable.
std::string render_tree(const std::vector<Span>& spans, std::size_t width);

}  // namespace remit::trace
