#include <cstdio>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/strings.h"
#include "cli/exit_code.h"
#include "cli/live_view.h"

namespace remit::cli {
namespace {

using testing::HasSubstr;

TEST(ExitCode, TellsScriptsWhatHappened) {
  const auto code = [](Code of) { return exit_code_of(Error(of, "x")); };
  EXPECT_EQ(code(Code::kInvalidArgument), 2);
  EXPECT_EQ(code(Code::kFailedPrecondition), 3);
  EXPECT_EQ(code(Code::kConflict), 3);
  EXPECT_EQ(code(Code::kCancelled), 4);
  EXPECT_EQ(code(Code::kNotFound), 6);
  EXPECT_EQ(code(Code::kDeadlineExceeded), 8);
  EXPECT_EQ(code(Code::kDataLoss), 70);
  EXPECT_EQ(code(Code::kInternal), 70);
}

// Shows a list of records as plain text and gives what was printed.
struct Shown {
  explicit Shown(bool terminal = false) {
    mission.spec.goal = "Import it";
    mission.spec.budget.limits.cost_usd = MicroUsd{500'000};
    mission.spec.isolation.minimum_tier = resource::Tier::kProcess;
    LiveViewOptions options;
    options.out = std::tmpfile(), options.terminal = terminal, options.recording = "model.rec";
    out = options.out;
    live.emplace(options, mission, source);
    live->head();
  }
  ~Shown() { std::fclose(out); }
  void add(RecordBody body, std::uint64_t call = 0) {
    const RunRecord record{++sequence, WallTime(std::chrono::milliseconds(100 * sequence)), call, 0, std::move(body)};
    view.add(record);
    live->on_record(record, view);
  }
  std::string text() {
    std::rewind(out);
    std::string all(1 << 20, '\0');
    all.resize(std::fread(all.data(), 1, all.size(), out));
    return all;
  }
  resource::Mission mission;
  resource::SourceMap source;
  serve::RunView view;
  std::optional<LiveView> live;
  std::FILE* out = nullptr;
  std::uint64_t sequence = 0;
};

Action tool(std::string name, std::string resource) {
  Action action;
  action.tool = std::move(name), action.resource = std::move(resource);
  return action;
}

void play(Shown& shown, const std::string& resource) {
  shown.add(RunBegan{"finance", "import", "uid", 1, {}, "", true, false});
  Action model = tool("model.call", "some-model");
  model.kind = ActionKind::kModelCall;
  shown.add(Proposed{model}, 1);
  shown.add(Judged{Verdict::allow("permissions", "model")}, 1);
  Outcome answer;
  answer.ok = true, answer.usage = {1204, 0, 0, 87, 0};
  shown.add(Settled{1, answer, {{2100}, 1291, 0}}, 1);
  shown.add(Proposed{tool("shell.run", resource)}, 2);
  shown.add(Judged{Verdict::allow("permissions", "compute")}, 2);
  Outcome command;
  command.ok = true, command.sandbox = SandboxReport{"Process", 1700, 64'000, "exit", 0};
  command.changes.push_back({"ledger.db", FileChange::Kind::kAdded});
  shown.add(Settled{1, command, {{}, 0, 1}}, 2);
  shown.add(Proposed{tool("http.request", "POST " + resource)}, 3);
  shown.add(Judged{Verdict::deny("permissions", "egress", "egress allows nothing")}, 3);
  shown.add(CheckResult{"ledger", true, "fine", 5});
  shown.add(RunEnded{"Succeeded", "ChecksPassed", true, "done"});
  shown.live->summary(shown.view, "RUN", 0);
}

TEST(LiveView, PlainText) {
  Shown shown;
  play(shown, "x");
  EXPECT_EQ(shown.text(),
            "DEMO    the model's answers and their prices are recorded (model.rec); sandboxes, files, denials and "
            "checks are real\n"
            "goal    Import it\n"
            "limits  $0.50 · isolation Process (below the default GVisor)\n"
            "   0.3s    #1 model  some-model          1,204 in     87 out  $0.0021                 budget ▏ 0.4 %\n"
            "   0.6s    #2 ok     shell.run         x                              rule compute    sandbox 1.7 ms + 64 "
            "ms, 1 file changed\n"
            "   0.8s    #3 DENY   http.request      POST x                         egress allows nothing          → "
            "remit why 3\n"
            "goal    met: check ledger passed (the agent cannot change it)\n"
            "spent   $0.0021 of $0.50 (recorded) · 1,204 tokens in, 0 of them cached, 87 out\n"
            "calls   2 allowed · 1 denied · 0 asked · 1 sandboxes, median 1.7 ms to create, 0 left\n"
            "files   +ledger.db   → remit diff, remit accept, remit discard\n"
            "trace   remit trace RUN\n");
}

TEST(LiveView, PrintsNothingThatATerminalWouldObey) {
  for (const std::string bad : {"\x1b]0;title\x07", "a\rb", "line\nbreak", "caf\xe9", "del\x7f"}) {
    Shown shown;
    play(shown, bad);
    const auto text = shown.text();
    EXPECT_TRUE(is_valid_utf8(text));
    for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20) << printable(bad);
    EXPECT_EQ(text.find(0x7f), std::string::npos);
  }
}

TEST(LiveView, ATerminalGetsColoursAndOneProgressLine) {
  Shown shown(true);
  play(shown, "x");
  EXPECT_THAT(shown.text(), HasSubstr("\x1b[31mDENY"));
  EXPECT_THAT(shown.text(), HasSubstr("\r\x1b[K"));
}

}  // namespace
}  // namespace remit::cli
