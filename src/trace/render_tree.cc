#include <fmt/format.h>

#include "base/strings.h"
#include "core/money.h"
#include "trace/projection.h"

namespace remit::trace {

namespace {

std::string duration_text(Duration duration) {
  const double ms = std::chrono::duration<double, std::milli>(duration).count();
  return ms < 1000 ? fmt::format("{:.1f} ms", ms) : fmt::format("{:.1f} s", ms / 1000);
}

std::string quoted(std::string_view text, std::size_t bytes) {
  return text.empty() ? "" : fmt::format(" “{}”", printable(trim(text), bytes));
}

std::string describe(const Span& span) {
  const auto& a = span.attributes;
  std::string text = span.call == 0 ? printable(span.name) : fmt::format("#{} {}", span.call, printable(span.name));
  if (const auto resource = get_string(a, "remit.action.resource"); !resource.empty())
    text += " " + printable(resource, 60);
  const auto decision = get_string(a, "remit.verdict.decision");
  if (!decision.empty() && decision != "Allow") {
    const auto rule = get_string(a, "remit.verdict.rule");
    return text + fmt::format("  {} by {}{}: {}", decision, get_string(a, "remit.verdict.layer"),
                              rule.empty() ? "" : fmt::format(" ({})", rule),
                              printable(get_string(a, "remit.verdict.reason"), 200));
  }
  text += "  " + (span.open ? std::string("still open") : duration_text(span.end - span.start));
  if (find(a, "gen_ai.usage.input_tokens")) {
    text += fmt::format("  {} in {} out", with_thousands(std::uint64_t(get_int(a, "gen_ai.usage.input_tokens"))),
                        with_thousands(std::uint64_t(get_int(a, "gen_ai.usage.output_tokens"))));
  }
  if (const auto cost = get_int(a, "remit.cost.micro_usd"); cost > 0) text += "  " + display_usd({cost});
  if (span.call == 0 && find(a, "remit.goal.met"))
    text += get_bool(a, "remit.goal.met") ? "  goal met" : "  goal not met";
  if (const auto tier = get_string(a, "remit.sandbox.tier"); !tier.empty()) {
    text += fmt::format("  {} sandbox, {} {}", tier, get_string(a, "remit.sandbox.ended_by"),
                        get_int(a, "remit.sandbox.exit_code"));
  }
  if (span.status == SpanStatus::kError && !span.status_message.empty())
    text += "  failed: " + printable(span.status_message, 120);
  text += quoted(get_string(a, "remit.justification"), 120) + quoted(get_string(a, "remit.reasoning"), 160);
  return text;
}

struct Tree {
  const std::vector<Span>& spans;
  std::map<std::string, std::vector<std::size_t>> children;
  std::size_t width;
  std::string out;

  void print(std::size_t index, const std::string& lead, const std::string& branch, const std::string& below) {
    std::string text = lead + branch + describe(spans[index]);
    std::size_t columns = 0, cut = text.size();
    for (std::size_t i = 0; i < text.size(); ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xc0) == 0x80) continue;
      if (++columns > width) {
        cut = i;
        break;
      }
    }
    out += (cut < text.size() ? text.substr(0, cut) + "…" : text) + "\n";
    const auto found = children.find(spans[index].span_id);
    if (found == children.end()) return;
    for (std::size_t i = 0; i < found->second.size(); ++i) {
      const bool last = i + 1 == found->second.size();
      print(found->second[i], lead + below, last ? "└─ " : "├─ ", last ? "   " : "│  ");
    }
  }
};

}  // namespace

std::string render_tree(const std::vector<Span>& spans, std::size_t width) {
  Tree tree{spans, {}, width, ""};
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (!spans[i].parent_span_id.empty()) tree.children[spans[i].parent_span_id].push_back(i);
  }
  for (std::size_t i = 0; i < spans.size(); ++i) {
    if (spans[i].parent_span_id.empty()) tree.print(i, "", "", "");
  }
  return tree.out;
}

}  // namespace remit::trace
