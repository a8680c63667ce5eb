#include "policy/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "policy/explain.h"

namespace remit::policy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

PermissionsSpec example() {
  PermissionsSpec spec;
  spec.source = "mission.yaml:14";
  spec.rules = {
      {"read", RuleEffect::kAllow, {"files.read", "files.list"}, "", "mission.yaml:17"},
      {"compute", RuleEffect::kAllow, {"shell.run"}, "args.timeout_s <= 60", "mission.yaml:18"},
      {"no-rm",
       RuleEffect::kDeny,
       {"shell.*"},
       "has(args.command) && args.command.contains('rm -rf')",
       "mission.yaml:19"},
      {"big-write", RuleEffect::kAsk, {"files.write"}, "size(args.content) > 10", "mission.yaml:20"},
      {"write", RuleEffect::kAllow, {"files.write"}, "", "mission.yaml:21"},
  };
  spec.workspace.write = {"ledger.db", "build/**"};
  spec.workspace.hide = {".env", "secrets"};
  spec.workspace.source = "mission.yaml:9";
  spec.models = {{"default", "some-model", "mission.yaml:7"}};
  spec.mission = {{"name", "import"}, {"namespace", "finance"}};
  return spec;
}

Action call(std::string tool, std::string_view args, std::string resource = "") {
  Action action;
  action.tool = std::move(tool), action.args = *parse_json_object(args), action.resource = std::move(resource);
  return action;
}

Action file_change(std::string path) {
  auto action = call("workspace.write", "{}", path);
  action.args["path"] = path;
  action.kind = ActionKind::kFileChange;
  return action;
}

Verdict decide(const PermissionsSpec& spec, const Action& action, const BudgetView* budget = nullptr) {
  const auto permissions = Permissions::compile(spec);
  EXPECT_TRUE(permissions) << permissions.error().to_string();
  return (*permissions)->decide(action, CallContext(), budget);
}

TEST(Permissions, ARuleAllows) {
  const auto verdict = decide(example(), call("files.read", R"({"path": "data/a.csv"})"));
  EXPECT_EQ(verdict.decision, Decision::kAllow);
  EXPECT_EQ(verdict.rule, "read");
  EXPECT_EQ(verdict.source, "mission.yaml:17");
  EXPECT_EQ(verdict.layer, "permissions");
}

TEST(Permissions, NoRuleIsDeniedAndTheSmallestChangeIsNamed) {
  const auto verdict = decide(example(), call("mail.send", "{}"));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(verdict.rule, "");
  EXPECT_EQ(verdict.suggestion, "add to permissions.rules: - {name: mail-send, effect: Allow, tools: [\"mail.send\"]}");
}

TEST(Permissions, AFalseConditionSaysWhichValueFailed) {
  const auto verdict = decide(example(), call("shell.run", R"({"timeout_s": 120})"));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(verdict.reason,
            "rule 'compute' would allow shell.run, but args.timeout_s <= 60 is false (args.timeout_s = 120)");
  EXPECT_EQ(verdict.source, "mission.yaml:18");
}

TEST(Permissions, AnAllowRuleThatFailsDoesNotAllow) {
  const auto verdict = decide(example(), call("shell.run", "{}"));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_THAT(verdict.reason, HasSubstr("cannot be evaluated: no such key: \"timeout_s\""));
}

TEST(Permissions, ADenyOrAskRuleThatFailsDenies) {
  for (const auto effect : {RuleEffect::kDeny, RuleEffect::kAsk}) {
    PermissionsSpec spec;
    spec.rules = {{"all", RuleEffect::kAllow, {"*"}, "", ""},
                  {"guard", effect, {"shell.run"}, "args.missing == 1", ""}};
    const auto verdict = decide(spec, call("shell.run", "{}"));
    EXPECT_EQ(verdict.decision, Decision::kDeny);
    EXPECT_EQ(verdict.rule, "guard");
    EXPECT_THAT(verdict.reason, HasSubstr("a condition that fails denies"));
  }
}

TEST(Permissions, DenyBeforeAskBeforeAllow) {
  const auto denied = decide(example(), call("shell.run", R"({"timeout_s": 1, "command": "rm -rf /"})"));
  EXPECT_EQ(denied.decision, Decision::kDeny);
  EXPECT_EQ(denied.rule, "no-rm");
  const auto asked = decide(example(), call("files.write", R"({"path": "ledger.db", "content": "0123456789abc"})"));
  EXPECT_EQ(asked.decision, Decision::kAsk);
  EXPECT_EQ(asked.rule, "big-write");
  EXPECT_EQ(decide(example(), call("files.write", R"({"path": "ledger.db", "content": "x"})")).decision,
            Decision::kAllow);
}

TEST(Permissions, TheMissionsAgentNeedsNoRuleButDenyAndAskCount) {
  auto spec = example();
  auto agent = call("agent.run", R"({"argv": ["sh"]})", "sh");
  agent.kind = ActionKind::kCommand;
  EXPECT_EQ(decide(spec, agent).decision, Decision::kDeny) << "only the runtime's own proposal";
  agent.channel = "runtime";
  EXPECT_EQ(decide(spec, agent).decision, Decision::kAllow);
  EXPECT_EQ(decide(spec, agent).rule, "agent");
  spec.rules.push_back({"first-ask", RuleEffect::kAsk, {"agent.run"}, "args.argv[0] == 'sh'", ""});
  EXPECT_EQ(decide(spec, agent).decision, Decision::kAsk);
  spec.rules.push_back({"never", RuleEffect::kDeny, {"agent.*"}, "", ""});
  EXPECT_EQ(decide(spec, agent).decision, Decision::kDeny);
}

TEST(Permissions, EgressStandsBesideTheRules) {
  auto spec = example();
  const auto request =
      call("http.request", R"({"method": "POST", "url": "https://mail.example.net/send"})", "mail.example.net:443");
  auto verdict = decide(spec, request);
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(verdict.rule, "egress");
  EXPECT_THAT(verdict.reason, HasSubstr("egress allows nothing"));
  EXPECT_THAT(verdict.suggestion, HasSubstr("- {name: mail-example-net, host: mail.example.net, port: 443}"));
  EXPECT_THAT(verdict.suggestion, HasSubstr("tools: [\"http.request\"]"));
  spec.egress = {{"mail", "*.example.net", 443, "mission.yaml:23"}};
  verdict = decide(spec, request);
  EXPECT_EQ(verdict.decision, Decision::kDeny);  // The host is named, but no rule allows the tool.
  EXPECT_EQ(verdict.rule, "");
  spec.rules.push_back({"web", RuleEffect::kAllow, {"http.*"}, "args.method == 'POST'", ""});
  EXPECT_EQ(decide(spec, request).decision, Decision::kAllow);
  const auto other = call("http.request", R"({"method": "POST", "url": "https://mail.example.net:8443/"})");
  EXPECT_THAT(decide(spec, other).reason,
              HasSubstr("egress does not name mail.example.net:8443; it names *.example.net:443"));
}

TEST(Permissions, ATargetThatContradictsItselfIsDenied) {
  auto spec = example();
  spec.egress = {{"good", "good.com", 443, ""}};
  spec.rules.push_back({"web", RuleEffect::kAllow, {"http.*"}, "", ""});
  EXPECT_EQ(decide(spec, call("http.request", R"({"url": "https://evil.com/"})", "good.com:443")).decision,
            Decision::kDeny);
  EXPECT_EQ(decide(spec, call("http.request", R"({"url": "https://good.com@evil.com/"})")).decision, Decision::kDeny);
  EXPECT_EQ(decide(spec, call("http.request", R"({"url": 7})", "good.com:443")).decision, Decision::kDeny);
  const auto fronted = call("http.request", R"({"url": "https://good.com/", "headers": {"HOST": "evil.com"}})");
  EXPECT_THAT(decide(spec, fronted).reason, HasSubstr("sets the header Host"));
  EXPECT_EQ(decide(spec, call("http.request", R"({"url": "https://good.com/"})", "good.com:443")).decision,
            Decision::kAllow);
}

TEST(Permissions, FileChangesNeedAWriteGlob) {
  EXPECT_EQ(decide(example(), file_change("ledger.db")).rule, "write");
  EXPECT_EQ(decide(example(), file_change("build/x/y.o")).decision, Decision::kAllow);
  const auto verdict = decide(example(), file_change("src/main.cc"));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_EQ(verdict.suggestion, "add \"src/main.cc\" to workspace.write");
  EXPECT_EQ(verdict.source, "mission.yaml:9");
}

TEST(Permissions, PathsAreCheckedBeforeAnyRule) {
  for (const auto* path : {"../x", "/etc/passwd", "a//b", "a\nb", "./ledger.db", ""}) {
    EXPECT_EQ(decide(example(), file_change(path)).decision, Decision::kDeny) << path;
    auto read = call("files.read", "{}");
    read.args["path"] = path;
    EXPECT_EQ(decide(example(), read).rule, "paths") << path;
  }
  EXPECT_EQ(decide(example(), call("files.read", R"({"path": ["a"]})")).rule, "paths");
  auto two = file_change("ledger.db");
  two.resource = "src/main.cc";
  EXPECT_EQ(decide(example(), two).rule, "paths");
}

TEST(Permissions, HiddenFilesAreDenied) {
  EXPECT_EQ(decide(example(), call("files.read", R"({"path": ".env"})")).rule, "hide");
  EXPECT_EQ(decide(example(), call("files.list", R"({"path": "secrets/a/b"})")).rule, "hide");
  EXPECT_EQ(decide(example(), file_change("secrets/x")).rule, "hide");
}

TEST(Permissions, HidePatternsMeanWhatTheyDoInTheWorkspace) {
  const auto hidden = [](std::string pattern, std::string path) {
    auto spec = example();
    spec.workspace.hide = {std::move(pattern)};
    return decide(spec, call("files.read", fmt::format(R"({{"path": "{}"}})", path))).rule == "hide";
  };
  EXPECT_TRUE(hidden(".env", "a/b/.env"));  // Without a slash: at any depth.
  EXPECT_TRUE(hidden("*.pem", "keys/site.pem"));
  EXPECT_TRUE(hidden("node/", "src/node/x"));
  EXPECT_FALSE(hidden("/.env", "a/.env"));  // With one: from the root.
  EXPECT_TRUE(hidden("/.env", ".env"));
  EXPECT_FALSE(hidden("a/.env", "b/a/.env"));
  EXPECT_TRUE(hidden("**/x/y", "b/x/y"));
  EXPECT_TRUE(hidden("a/**", "a/b"));
  EXPECT_FALSE(hidden("a/**", "a"));
  EXPECT_TRUE(hidden("id_[rd]sa", "keys/id_rsa"));  // Classes are widened, never narrowed.
  EXPECT_TRUE(hidden("a\\*b", "a*b"));
  EXPECT_EQ(decide(
                [] {
                  auto spec = example();
                  spec.workspace.hide = {".env"};
                  return spec;
                }(),
                call("files.read", R"({"path": "x/.env"})"))
                .suggestion,
            "remove \".env\" from workspace.hide");
}

TEST(Permissions, ModelCallsNeedTheMissionsModel) {
  auto action = call("model.call", "{}");
  action.kind = ActionKind::kModelCall;
  auto request = std::make_shared<ModelRequest>();
  request->provider = "default", request->model = "some-model";
  action.model_request = request;
  EXPECT_EQ(decide(example(), action).rule, "model");
  EXPECT_EQ(decide(example(), action).decision, Decision::kAllow);
  request->model = "dearer-model";
  EXPECT_THAT(decide(example(), action).reason, HasSubstr("not dearer-model"));
  auto spec = example();
  spec.models = {{"default", "*", ""}};
  spec.rules.push_back({"no-dear", RuleEffect::kDeny, {"model.call"}, "true", ""});
  EXPECT_EQ(decide(spec, action).rule, "no-dear");
}

TEST(Permissions, ConditionsReadTheBudget) {
  PermissionsSpec spec;
  spec.rules = {{"cheap",
                 RuleEffect::kAllow,
                 {"*"},
                 "budget.spent.costMicroUSD < 1000 && mission.name == 'm' && kind == 'ToolCall'",
                 ""}};
  spec.mission = {{"name", "m"}};
  BudgetView budget;
  budget.spent.cost = {999};
  EXPECT_EQ(decide(spec, call("x", "{}"), &budget).decision, Decision::kAllow);
  budget.spent.cost = {1000};
  EXPECT_EQ(decide(spec, call("x", "{}"), &budget).decision, Decision::kDeny);
  EXPECT_EQ(decide(spec, call("x", "{}"), nullptr).decision, Decision::kDeny);
}

TEST(Permissions, AuditRecordsWithoutHoldingBack) {
  auto spec = example();
  spec.mode = Mode::kAudit;
  const auto verdict = decide(spec, call("mail.send", "{}"));
  EXPECT_EQ(verdict.decision, Decision::kDeny);
  EXPECT_TRUE(verdict.audit_only);
  EXPECT_TRUE(verdict.allows());
  EXPECT_FALSE(decide(spec, call("files.list", "{}")).audit_only);
}

TEST(Permissions, AChildHoldsTheConjunction) {
  PermissionsSpec wide;
  wide.rules = {{"all", RuleEffect::kAllow, {"*"}, "", ""}};
  const auto parent = Permissions::compile(example());
  const auto child = Permissions::compile(wide, *parent);
  EXPECT_EQ((*child)->decide(call("files.list", "{}"), {}, nullptr).decision, Decision::kAllow);
  const auto denied = (*child)->decide(call("mail.send", "{}"), {}, nullptr);
  EXPECT_EQ(denied.decision, Decision::kDeny);
  EXPECT_THAT(denied.reason, HasSubstr("the mission above decides"));
  EXPECT_FALSE((*child)->may_allow("mail.send"));
  EXPECT_TRUE((*child)->may_allow("shell.run"));
  wide.mode = Mode::kAudit;  // A child's Audit does not loosen what is above it.
  EXPECT_FALSE((*Permissions::compile(wide, *parent))->decide(call("mail.send", "{}"), {}, nullptr).allows());
}

TEST(Permissions, UnsoundRulesAreRefusedWithTheirPlace) {
  const auto trouble = [](RuleSpec rule) {
    PermissionsSpec spec;
    spec.rules = {std::move(rule)};
    const auto result = Permissions::compile(spec);
    return result ? std::string("accepted") : result.error().to_string();
  };
  EXPECT_THAT(trouble({"a", RuleEffect::kAllow, {"x"}, "1 +", "m.yaml:3"}),
              HasSubstr("m.yaml:3: the condition of rule 'a': column 4"));
  EXPECT_THAT(trouble({"a", RuleEffect::kAllow, {}, "", "m.yaml:3"}), HasSubstr("names no tools"));
  EXPECT_THAT(trouble({"", RuleEffect::kAllow, {"x"}, "", ""}), HasSubstr("has no name"));
  EXPECT_THAT(trouble({"a", RuleEffect::kAllow, {"x y"}, "", ""}), HasSubstr("no name of a tool"));
  PermissionsSpec twice;
  twice.rules = {{"a", RuleEffect::kAllow, {"x"}, "", ""}, {"a", RuleEffect::kDeny, {"x"}, "", ""}};
  EXPECT_THAT(Permissions::compile(twice).error().message(), HasSubstr("two rules have the name 'a'"));
}

TEST(Permissions, AreBounded) {
  PermissionsSpec spec;
  for (std::size_t i = 0; i <= kRules; ++i)
    spec.rules.push_back({fmt::format("r{}", i), RuleEffect::kAllow, {"x"}, "", ""});
  EXPECT_THAT(Permissions::compile(spec).error().message(), HasSubstr("kRules"));
  spec.rules = {{"r", RuleEffect::kAllow, std::vector<std::string>(kToolsPerRule + 1, "x"), "", ""}};
  EXPECT_THAT(Permissions::compile(spec).error().message(), HasSubstr("kToolsPerRule"));
  spec.rules.clear();
  spec.egress.assign(kEgressRules + 1, {"e", "a.b", 443, ""});
  EXPECT_THAT(Permissions::compile(spec).error().message(), HasSubstr("kEgressRules"));
  spec.egress.clear();
  spec.workspace.write.assign(kWriteGlobs + 1, "a");
  EXPECT_THAT(Permissions::compile(spec).error().message(), HasSubstr("kWriteGlobs"));
  auto deepest = *Permissions::compile({});
  for (std::size_t i = 0; i < kAncestors; ++i) deepest = *Permissions::compile({}, deepest);
  EXPECT_THAT(Permissions::compile({}, deepest).error().message(), HasSubstr("kAncestors"));
}

TEST(Permissions, WarnOfConditionsThatCannotHold) {
  auto spec = example();
  EXPECT_THAT((*Permissions::compile(spec))->warnings(), IsEmpty());
  spec.rules[1].when = "arg.timeout_s <= 60 || mission.nam == 'x'";
  EXPECT_THAT((*Permissions::compile(spec))->warnings(),
              ElementsAre(HasSubstr("did you mean 'args'"), HasSubstr("did you mean 'name'")));
}

TEST(Permissions, ExplainListsEveryRule) {
  const auto permissions = *Permissions::compile(example());
  const auto action = call("shell.run", R"({"timeout_s": 120})", "python3 import.py");
  const auto explanation = permissions->explain(action, {}, nullptr);
  ASSERT_EQ(explanation.considered.size(), 5U);
  EXPECT_EQ(explanation.considered[0].result, Considered::Result::kOtherTool);
  EXPECT_EQ(explanation.considered[1].result, Considered::Result::kConditionFalse);
  const auto text = render(action, explanation);
  EXPECT_THAT(text, HasSubstr("Deny  shell.run  python3 import.py"));
  EXPECT_THAT(text, HasSubstr("at       mission.yaml:18"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "compute          condition false  args.timeout_s <= 60 is false (args.timeout_s = 120)  (mission.yaml:18)"));
  EXPECT_EQ(to_json_object(explanation).at("considered").as_array().size(), 5U);
  const auto allowed = permissions->explain(call("files.list", "{}"), {}, nullptr);
  EXPECT_EQ(allowed.considered[0].result, Considered::Result::kDecided);
}

TEST(Permissions, TextOfAgentsIsMadePrintable) {
  const auto verdict = decide(example(), call("evil\x1b[2J\ntool", "{}"));
  EXPECT_EQ(verdict.reason.find('\x1b'), std::string::npos);
  EXPECT_EQ(verdict.suggestion.find('\n'), std::string::npos);
}

TEST(PermissionStage, DecidesAsAStage) {
  PermissionStage stage(*Permissions::compile(example()));
  EXPECT_EQ(stage.name(), "permissions");
  asio::io_context io;
  const auto action = call("files.list", "{}");
  const CallContext context;
  const auto so_far = Verdict::allow("", "");
  Verdict verdict;
  asio::co_spawn(io, stage.decide(action, context, so_far),
                 [&](std::exception_ptr, Verdict decided) { verdict = std::move(decided); });
  io.run();
  EXPECT_EQ(verdict.rule, "read");
}

}  // namespace
}  // namespace remit::policy
