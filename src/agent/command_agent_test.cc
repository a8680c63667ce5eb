// What needs no sandbox; test/command_test.py runs whole agents.
#include "agent/command_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

namespace remit::agent {
namespace {

using ::testing::HasSubstr;

struct Bench {
  asio::io_context io;
  bool goes_on = true;
  std::size_t open = 0;
  std::string no_model;

  Task<bool> hold() { co_return goes_on; }

  Verdict decide(Action action, std::uint64_t parent = 1) {
    CommandAgentStage stage({[this] { return hold(); }, [this] { return open; }, no_model});
    CallContext context;
    context.parent = parent;
    Verdict verdict;
    asio::co_spawn(io, stage.decide(action, context, Verdict::allow("", "")),
                   [&](std::exception_ptr, Verdict decided) { verdict = std::move(decided); });
    io.restart();
    io.run();
    return verdict;
  }
};

Action tool(std::string name) {
  Action action;
  action.channel = "mcp";
  action.tool = std::move(name);
  return action;
}

TEST(CommandAgentStage, LeavesToolsToTheRulesOfTheMission) {
  Bench bench;
  for (const char* name : {"files.read", "files.write", "shell.run", "http.request"}) {
    EXPECT_EQ(bench.decide(tool(name)).decision, Decision::kAllow) << name;
    EXPECT_EQ(bench.decide(tool(name)).layer, "") << "it decides nothing for the stages behind it";
  }
}

TEST(CommandAgentStage, LetsWhatTheAgentChangedBeJudgedAfterAStop) {
  Bench bench;
  bench.goes_on = false;
  Action change = tool("workspace.write");
  change.kind = ActionKind::kFileChange;
  EXPECT_EQ(bench.decide(change).decision, Decision::kAllow);
  EXPECT_EQ(bench.decide(tool("http.request")).decision, Decision::kDeny);
}

TEST(CommandAgentStage, OnlyTheRuntimeStartsTheAgent) {
  Bench bench;
  const Action action = agent_action({"sh"});
  EXPECT_EQ(bench.decide(action, 0).decision, Decision::kAllow);
  EXPECT_EQ(bench.decide(action, 1).decision, Decision::kDeny);
  EXPECT_EQ(bench.decide(tool("agent.run"), 0).decision, Decision::kDeny);
}

TEST(CommandAgentStage, RefusesModelCallsOfARunWithoutAModel) {
  Bench bench;
  Action call = tool("model.call");
  call.kind = ActionKind::kModelCall;
  EXPECT_EQ(bench.decide(call).decision, Decision::kAllow);
  bench.no_model = "this run has no model";
  const auto verdict = bench.decide(call);
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_THAT(verdict.suggestion, HasSubstr("--live"));
}

TEST(CommandAgentStage, BoundsTheCallsOfOneAgent) {
  Bench bench;
  bench.open = kAgentCalls - 1;
  EXPECT_EQ(bench.decide(tool("http.request")).decision, Decision::kAllow);
  bench.open = kAgentCalls;
  EXPECT_EQ(bench.decide(tool("http.request")).rule, "limit");
}

TEST(AgentAction, IsTheSameForTheSameWords) {
  EXPECT_EQ(agent_action({"sh", "-c", "x"}).hash(), agent_action({"sh", "-c", "x"}).hash());
  EXPECT_NE(agent_action({"sh", "-c", "x"}).hash(), agent_action({"sh", "-c", "y"}).hash());
  EXPECT_EQ(agent_action({"sh"}).resource, "sh");
}

}  // namespace
}  // namespace remit::agent
