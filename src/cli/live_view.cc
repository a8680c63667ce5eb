#include "cli/live_view.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/strings.h"
#include "core/money.h"

namespace remit::cli {

namespace {

constexpr const char* kRed = "31";
constexpr const char* kGreen = "32";
constexpr const char* kYellow = "33";
constexpr const char* kDim = "2";
constexpr const char* kBold = "1";

double seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string padded(std::string text, std::size_t width) {
  // Width in code points: close enough for what we print.
  std::size_t columns = 0;
  for (const char c : text) columns += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  if (columns < width) text.append(width - columns, ' ');
  return text;
}

std::string millis(std::int64_t micros) {
  return micros < 10'000 ? fmt::format("{:.1f} ms", double(micros) / 1000) : fmt::format("{} ms", micros / 1000);
}

std::string first_words(std::string_view text, std::size_t width) {
  std::string clean = printable(text);
  if (clean.size() <= width) return clean;
  std::size_t cut = width - 1;
  while (cut > 0 && (static_cast<unsigned char>(clean[cut]) & 0xc0) == 0x80) --cut;
  return clean.substr(0, cut) + "…";
}

std::string limits_line(const resource::Mission& mission, const resource::SourceMap& source) {
  std::vector<std::string> parts;
  const auto& budget = mission.spec.budget.limits;
  if (budget.cost_usd) parts.push_back(display_usd(*budget.cost_usd));
  if (budget.tokens) parts.push_back(with_thousands(static_cast<std::uint64_t>(*budget.tokens)) + " tokens");
  if (budget.tool_calls) parts.push_back(fmt::format("{} calls", *budget.tool_calls));
  if (budget.active_duration) parts.push_back(resource::format_duration(*budget.active_duration));
  const auto tier = mission.spec.isolation.minimum_tier;
  static constexpr const char* kTiers[] = {"Process", "GVisor", "MicroVM"};
  std::string isolation = fmt::format("isolation {}", kTiers[static_cast<std::size_t>(tier)]);
  if (tier < resource::Tier::kGVisor) {
    const auto place = source.place("spec.isolation.minimumTier");
    isolation += fmt::format(" (below the default GVisor{})", place.empty() ? "" : ": " + place);
  }
  parts.push_back(isolation);
  return join(parts, " · ");
}

std::string bar(double share) {
  static constexpr const char* kEighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  const auto eighths = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * 8 + 0.999);
  return kEighths[std::min<std::size_t>(eighths, 8)];
}

}  // namespace

bool is_terminal(std::FILE* out) {
  const char* term = std::getenv("TERM");
  return ::isatty(::fileno(out)) && term && std::string_view(term) != "dumb" && !std::getenv("NO_COLOR");
}

LiveView::LiveView(LiveViewOptions options, const resource::Mission& mission, const resource::SourceMap& source)
    : options_(std::move(options)), mission_(mission), source_(source) {}

std::string LiveView::paint(std::string_view text, const char* colour) const {
  return options_.terminal ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : std::string(text);
}

void LiveView::print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), options_.out);
  std::fflush(options_.out);
}

void LiveView::clear_progress() {
  if (std::exchange(progress_shown_, false)) print("\r\x1b[K");
}

void LiveView::progress(const serve::RunView& view) {
  if (!options_.terminal || view.ended()) return;
  const auto budget = mission_.spec.budget.limits.cost_usd;
  const std::string spent =
      budget ? fmt::format("{} of {}", display_usd(view.cost()), display_usd(*budget)) : display_usd(view.cost());
  print(paint(fmt::format("  {:5.1f}s  {} · {} calls · {}", seconds(view.last_time() - view.started()), view.phase(),
                          view.charged_calls(), spent),
              kDim));
  progress_shown_ = true;
}

void LiveView::head() {
  if (!options_.recording.empty()) {
    print(fmt::format(
        "{}    the model's answers and their prices are recorded ({}); sandboxes, files, denials and checks are real\n",
        paint("DEMO", kYellow), printable(options_.recording)));
  }
  print(fmt::format("{}    {}\n", paint("goal", kBold), first_words(mission_.spec.goal, 400)));
  print(fmt::format("{}  {}\n", paint("limits", kBold), limits_line(mission_, source_)));
}

void LiveView::on_record(const RunRecord& record, const serve::RunView& view) {
  clear_progress();
  if (const auto* judged = std::get_if<Judged>(&record.body)) {
    const auto* call = view.call(record.call);
    if (call && judged->verdict.decision != Decision::kAllow) call_line(*call, view);
  } else if (std::holds_alternative<Settled>(record.body)) {
    const auto* call = view.call(record.call);
    if (call && call->verdict && call->verdict->decision == Decision::kAllow) call_line(*call, view);
  } else if (const auto* phase = std::get_if<PhaseChanged>(&record.body)) {
    const bool waits = phase->phase == "WaitingForApproval" || phase->phase == "Paused";
    if (waits)
      print(fmt::format("{:6.1f}s  {}  {}\n", seconds(record.time - view.started()), paint(phase->phase, kYellow),
                        printable(phase->message)));
  } else if (const auto* printed = std::get_if<Note>(&record.body); printed && record.call != 0) {
    print(paint("        | ", kDim) + printable(printed->message) + "\n");
  } else if (const auto* began = std::get_if<RunBegan>(&record.body); began && began->resumed) {
    print(paint("resumed", kYellow) + fmt::format(" after {} calls\n", view.calls()));
  }
  progress(view);
}

std::string LiveView::model_detail(const serve::CallView& call, const serve::RunView& view) const {
  const auto& usage = call.outcome->usage;
  std::string text =
      fmt::format("{:>7} in {:>6} out  {:<9}", with_thousands(static_cast<std::uint64_t>(usage.input)),
                  with_thousands(static_cast<std::uint64_t>(usage.output)), display_usd(call.charged.cost));
  if (const auto budget = mission_.spec.budget.limits.cost_usd; budget && budget->value > 0) {
    const double share = double(view.cost().value) / double(budget->value);
    text = padded(std::move(text), 47) + fmt::format("budget {} {:.1f} %", bar(share), share * 100);
  }
  return text;
}

std::string LiveView::tool_detail(const serve::CallView& call) const {
  std::string text = padded(first_words(call.action.resource, 30), 30) + " ";
  text += padded(call.verdict->rule.empty() ? "" : "rule " + printable(call.verdict->rule), 15) + " ";
  if (const auto& sandbox = call.outcome->sandbox) {
    text += fmt::format("sandbox {} + {}", millis(sandbox->create_us), millis(sandbox->run_us));
    const auto kept = std::count_if(call.outcome->changes.begin(), call.outcome->changes.end(),
                                    [](const FileChange& c) { return c.permitted; });
    const auto dropped = static_cast<std::ptrdiff_t>(call.outcome->changes.size()) - kept;
    if (kept > 0) text += fmt::format(", {} file{} changed", kept, kept == 1 ? "" : "s");
    if (dropped > 0) text += fmt::format(", {} not kept", dropped);
    if (sandbox->ended_by != "exit") text += ", ended by " + sandbox->ended_by;
    if (sandbox->ended_by == "exit" && sandbox->exit_code != 0) text += fmt::format(", exit {}", sandbox->exit_code);
  } else if (!call.outcome->ok && call.outcome->error) {
    text += first_words(call.outcome->error->to_string(), 80);
  }
  return text;
}

void LiveView::line(const serve::RunView& view, WallTime time, const serve::CallView& call, std::string_view verdict,
                    const std::string& detail) {
  std::string text = fmt::format(
      "{:6.1f}s {:>5} {} {}{}", seconds(time - view.started()), fmt::format("#{}", call.number), verdict,
      padded(printable(call.action.kind == ActionKind::kModelCall ? call.action.resource : call.action.tool, 40), 18),
      detail);
  while (text.ends_with(' ')) text.pop_back();
  print(text + "\n");
}

void LiveView::call_line(const serve::CallView& call, const serve::RunView& view) {
  const auto& verdict = *call.verdict;
  const std::string why = fmt::format(" → remit why {}", call.number);
  const std::string refused =
      padded(first_words(call.action.resource, 30), 30) + " " + padded(first_words(verdict.reason, 60), 30) + why;
  if (verdict.decision == Decision::kDeny) return line(view, view.last_time(), call, paint("DENY  ", kRed), refused);
  if (verdict.decision == Decision::kAsk) return line(view, view.last_time(), call, paint("ASK   ", kYellow), refused);
  if (verdict.decision == Decision::kUnavailable)
    return line(view, view.last_time(), call, paint("?     ", kYellow), refused);
  if (!call.outcome) return;
  const bool ok = call.outcome->ok;
  if (call.action.kind == ActionKind::kModelCall) {
    const std::string detail =
        ok ? model_detail(call, view) : first_words(call.outcome->error ? call.outcome->error->to_string() : "", 160);
    return line(view, view.last_time(), call, ok ? "model " : paint("model ", kRed), detail);
  }
  line(view, view.last_time(), call, ok ? paint("ok    ", kGreen) : paint("failed", kYellow), tool_detail(call));
}

void LiveView::summary(const serve::RunView& view, const std::string& run_id,
                       std::optional<std::size_t> sandboxes_left) {
  clear_progress();
  const bool met = view.ended() && view.ended()->goal_met;
  std::string checks;
  for (const auto& check : view.checks()) {
    checks += fmt::format("{}check {} {}", checks.empty() ? "" : ", ", check.name, check.passed ? "passed" : "failed");
  }
  if (!checks.empty()) checks += " (the agent cannot change it)";
  if (checks.empty() && met) checks = "the agent says so; the mission has no checks";
  if (!met) checks = fmt::format("{}{}{}", view.phase_reason(), checks.empty() ? "" : "; ", checks);
  print(
      fmt::format("{}    {}: {}\n", paint("goal", kBold), met ? paint("met", kGreen) : paint("not met", kRed), checks));
  for (const auto& check : view.checks()) {
    if (!check.passed) print(fmt::format("        {}: {}\n", check.name, first_words(trim(check.output), 400)));
  }
  if (!met && !view.notes().empty()) print(fmt::format("        {}\n", first_words(view.notes().back(), 400)));

  const auto budget = mission_.spec.budget.limits.cost_usd;
  print(fmt::format("{}   {}{}{} · {} tokens in, {} of them cached, {} out\n", paint("spent", kBold),
                    display_usd(view.cost()), budget ? " of " + display_usd(*budget) : "",
                    view.began().recorded_model ? " (recorded)" : "",
                    with_thousands(static_cast<std::uint64_t>(view.usage().input)),
                    with_thousands(static_cast<std::uint64_t>(view.usage().cached_input)),
                    with_thousands(static_cast<std::uint64_t>(view.usage().output))));
  const auto& verdicts = view.verdicts();
  std::string sandboxes = fmt::format("{} sandboxes", view.sandboxes());
  if (view.sandboxes() > 0) sandboxes += fmt::format(", median {} to create", millis(view.sandbox_create_p50_us()));
  print(fmt::format("{}   {} allowed · {} denied · {} asked{} · {}{}\n", paint("calls", kBold), verdicts.allow,
                    verdicts.deny, verdicts.ask,
                    verdicts.unavailable > 0 ? fmt::format(" · {} undecided", verdicts.unavailable) : "", sandboxes,
                    sandboxes_left ? fmt::format(", {} left", *sandboxes_left) : ""));
  std::string files;
  std::size_t named = 0;
  for (const auto& [path, kind] : view.changes()) {
    if (++named > 8) break;
    files += fmt::format("{}{} ",
                         kind == FileChange::Kind::kAdded     ? "+"
                         : kind == FileChange::Kind::kDeleted ? "-"
                                                              : "~",
                         printable(path));
  }
  if (view.changes().size() > 8) files += fmt::format("and {} more ", view.changes().size() - 8);
  print(fmt::format("{}   {}\n", paint("files", kBold),
                    files.empty() ? "none changed" : files + "  → remit diff, remit accept, remit discard"));
  print(fmt::format("{}   remit trace {}\n", paint("trace", kBold), run_id));
}

}  // namespace remit::cli
