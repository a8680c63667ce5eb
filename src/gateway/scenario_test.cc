// Runs the text scenarios of test/gateway: a request script, what stands behind the gateway, the expected bytes and the
// expected types of the run log's records. A scenario is a file:
//
//   # what it shows
//   model: say Hello            (a line of the provider's script; see testing/script.h. Likewise tool:)
//   deny: model.call REASON     (or ask:, unavailable:, hide: TOOL, exhausted:, keep-alive-ms: N)
//   --- request NAME            (sent on a connection of its own; NAME may be left out)
//   POST /v1/chat/completions
//   x-api-key: rk-test
//
//   {"body": …}
//   --- response NAME           (status, the header fields that matter, and all of the body)
//   200
//   content-type: application/json
//
//   {…}
//   --- log                     (waits for these records, and then there must be no others)
//   Proposed Judged
//   --- close NAME              (the client goes)
//
// <word> in an expectation stands for anything within a line and gives it that name for what follows.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "gateway/testing/bed.h"

namespace remit::gateway::testing {
namespace {

using Names = std::map<std::string, std::string>;

struct Section {
  std::string kind, name;
  std::vector<std::string> lines;
};

std::vector<Section> read_scenario(const std::filesystem::path& path) {
  std::vector<Section> sections{{"setup", "", {}}};
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    if (line.starts_with("--- ")) {
      const auto [kind, name] = cut(std::string_view(line).substr(4));
      sections.push_back({std::string(kind), std::string(name), {}});
    } else {
      sections.back().lines.push_back(line);
    }
  }
  for (auto& section : sections) {
    while (!section.lines.empty() && section.lines.back().empty()) section.lines.pop_back();
  }
  return sections;
}

Verdict verdict_of(Decision decision, std::string reason) {
  Verdict verdict = Verdict::deny("permissions", "test", std::move(reason));
  verdict.decision = decision;
  if (decision == Decision::kAsk) verdict.approval = "approval-1";
  return verdict;
}

Scene scene_of(const Section& section) {
  Scene scene;
  for (const auto& line : section.lines) {
    if (line.empty() || line.starts_with("#")) continue;
    const auto colon = line.find(':');
    const std::string key = line.substr(0, colon);
    const std::string value(trim(std::string_view(line).substr(std::min(line.size(), colon + 1))));
    const auto [tool, reason] = cut(value);
    if (key == "model") scene.model.push_back(value);
    if (key == "tool") scene.tool.push_back(value);
    if (key == "deny") scene.verdicts[std::string(tool)] = verdict_of(Decision::kDeny, std::string(reason));
    if (key == "ask") scene.verdicts[std::string(tool)] = verdict_of(Decision::kAsk, std::string(reason));
    if (key == "unavailable")
      scene.verdicts[std::string(tool)] = verdict_of(Decision::kUnavailable, std::string(reason));
    if (key == "hide") scene.hidden = value;
    if (key == "exhausted") scene.exhausted = true;
    if (key == "keep-alive-ms") scene.limits.keep_alive = std::chrono::milliseconds(number(value));
  }
  return scene;
}

std::string with_names(std::string text, const Names& names) {
  for (const auto& [name, value] : names) {
    for (auto at = text.find(name); at != text.npos; at = text.find(name, at + value.size())) {
      text.replace(at, name.size(), value);
    }
  }
  return text;
}

// Where "<word>" begins at or after `from`, and its length; npos when there is none.
std::pair<std::size_t, std::size_t> find_hole(std::string_view text, std::size_t from) {
  for (auto at = text.find('<', from); at != text.npos; at = text.find('<', at + 1)) {
    const auto end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at + 1);
    if (end != text.npos && text[end] == '>' && end > at + 1) return {at, end + 1 - at};
  }
  return {text.npos, 0};
}

// Fills the holes of `expected` from `actual` as far as they agree, so that equality can be asked afterwards.
std::string fill_holes(std::string expected, const std::string& actual, Names& names) {
  expected = with_names(std::move(expected), names);
  for (;;) {
    const auto [at, size] = find_hole(expected, 0);
    if (at == expected.npos || actual.substr(0, at) != expected.substr(0, at)) return expected;
    const std::string name = expected.substr(at, size);
    const auto next = find_hole(expected, at + size).first;
    const std::string behind = expected.substr(at + size, std::min(next - (at + size), std::size_t{12}));
    auto end = behind.empty() ? actual.size() : actual.find(behind, at);
    end = std::min(end, actual.find('\n', at));
    const std::string value = actual.substr(at, std::min(end, actual.size()) - at);
    names[name] = value;
    expected = with_names(std::move(expected), names);
  }
}

class ScenarioRun {
 public:
  explicit ScenarioRun(std::vector<Section> sections) : sections_(std::move(sections)), bed_(scene_of(sections_[0])) {}

  void run() {
    for (std::size_t i = 1; i < sections_.size(); ++i) {
      const auto& section = sections_[i];
      SCOPED_TRACE("section " + std::to_string(i) + ": " + section.kind + " " + section.name);
      if (section.kind == "request") {
        request(section);
      } else if (section.kind == "response") {
        response(section);
      } else if (section.kind == "log") {
        expect_log(section);
      } else if (section.kind == "close") {
        clients_.at(section.name).close();
      } else {
        ADD_FAILURE() << "unknown section";
      }
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

 private:
  void request(const Section& section) {
    std::string head, body;
    std::size_t i = 0;
    for (; i < section.lines.size() && !section.lines[i].empty(); ++i) head += (i ? "\r\n" : "") + section.lines[i];
    if (const auto space = head.find("\r\n"); space == head.npos) {
      head += " HTTP/1.1";
    } else {
      head.insert(space, " HTTP/1.1");
    }
    for (++i; i < section.lines.size(); ++i) body += (body.empty() ? "" : "\n") + section.lines[i];
    clients_.erase(section.name);
    auto client = TestClient::connect(bed_.port);
    client.request(with_names(head, names_), with_names(body, names_));
    clients_.emplace(section.name, std::move(client));
  }

  void response(const Section& section) {
    const auto reply = clients_.at(section.name).receive();
    ASSERT_FALSE(section.lines.empty());
    EXPECT_EQ(std::to_string(reply.status), section.lines[0]) << reply.body;
    std::size_t i = 1;
    for (; i < section.lines.size() && !section.lines[i].empty(); ++i) {
      const auto colon = section.lines[i].find(": ");
      const std::string actual = reply.header(section.lines[i].substr(0, colon));
      EXPECT_EQ(actual, fill_holes(section.lines[i].substr(colon + 2), actual, names_)) << section.lines[i];
    }
    std::string expected, actual = reply.body;
    for (++i; i < section.lines.size(); ++i) expected += (expected.empty() ? "" : "\n") + section.lines[i];
    while (actual.ends_with('\n')) actual.pop_back();
    EXPECT_EQ(actual, fill_holes(expected, actual, names_));
  }

  void expect_log(const Section& section) {
    std::vector<std::string> expected;
    for (const auto& line : section.lines) {
      std::istringstream words(line);
      for (std::string word; words >> word;) expected.push_back(word);
    }
    const auto types = bed_.log_types(logged_, expected.size());
    EXPECT_EQ(types, expected);
    logged_ += types.size();
  }

  const std::vector<Section> sections_;
  Bed bed_;
  Names names_;
  std::map<std::string, TestClient> clients_;
  std::size_t logged_ = 0;
};

std::vector<std::string> scenarios() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(REMIT_SOURCE_DIR "/test/gateway")) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

class GatewayScenario : public ::testing::TestWithParam<std::string> {};

TEST_P(GatewayScenario, HoldsWordForWord) {
  ScenarioRun run(read_scenario(REMIT_SOURCE_DIR "/test/gateway/" + GetParam() + ".txt"));
  run.run();
}

INSTANTIATE_TEST_SUITE_P(Text, GatewayScenario, ::testing::ValuesIn(scenarios()),
                         [](const auto& scenario) { return scenario.param; });

}  // namespace
}  // namespace remit::gateway::testing
