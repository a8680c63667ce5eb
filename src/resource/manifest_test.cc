#include "resource/manifest.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "resource/limits.h"
#include "resource/mission.h"

namespace remit::resource {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

// The mission of the design page.
constexpr std::string_view kMission = R"(apiVersion: remit.dev/v1alpha1
kind: Mission
metadata: {name: import-invoices, namespace: finance}
spec:
  goal: Import all 2024 invoices in data/legacy into ledger.db and report the total per vendor.
  checks:                                        # decide whether the goal is met
  - {name: ledger, exec: {command: [python3, check_ledger.py]}, timeout: 1m}
  agent: {type: Builtin}
  model: {providerRef: {name: default}, name: some-model}
  workspace: {type: Directory, directory: {path: .}, write: [ledger.db, report.md, "build/**"], hide: [.env]}
  budget: {costUSD: "0.50", tokens: 200000, toolCalls: 200, activeDuration: 15m, onExhausted: ReturnPartial}
  permissions:
    mode: Enforce
    rules:
    - {name: read, effect: Allow, tools: ["files.read", "files.list"]}
    - {name: compute, effect: Allow, tools: ["shell.run"], when: "args.timeout_s <= 60"}
    egress: []
  isolation: {minimumTier: GVisor}
  importance: Normal
)";

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out(text);
  const auto at = out.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  out.replace(at, from.size(), to);
  return out;
}

std::vector<std::string> problems_of(std::string_view text, std::string file = "mission.yaml") {
  std::vector<std::string> out;
  if (const auto loaded = load_manifests(text, std::move(file)); !loaded) {
    for (const auto& problem : loaded.error()) out.push_back(problem.to_string());
  }
  return out;
}

TEST(Manifest, TheDesignsMissionIsReadWithItsLines) {
  const auto loaded = load_manifests(kMission, "mission.yaml");
  ASSERT_TRUE(loaded) << to_error(loaded.error()).message();
  ASSERT_EQ(loaded->size(), 1u);
  const auto& source = loaded->front().source;
  EXPECT_EQ(source.place("spec.permissions.rules[1].when"), "mission.yaml:16");
  EXPECT_EQ(source.place("spec.permissions.rules[0]"), "mission.yaml:15");
  EXPECT_EQ(source.place("spec.isolation.memory"), "mission.yaml:18")
      << "a default has the line of the field around it";

  const auto mission = from_object<Mission>(loaded->front().object);
  ASSERT_TRUE(mission) << mission.error().to_string();
  EXPECT_EQ(mission->metadata.ns, "finance");
  EXPECT_EQ(mission->spec.budget.limits.cost_usd, MicroUsd{500000});
  EXPECT_EQ(mission->spec.budget.limits.active_duration, std::chrono::minutes(15));
  EXPECT_EQ(mission->spec.checks.at(0).exec.command, (std::vector<std::string>{"python3", "check_ledger.py"}));
  EXPECT_EQ(mission->spec.permissions.rules.at(1).when, "args.timeout_s <= 60");
  EXPECT_EQ(mission->spec.isolation.minimum_tier, Tier::kGVisor);
  EXPECT_EQ(mission->spec.isolation.memory.bytes, 512 << 20);
  EXPECT_EQ(mission->spec.workspace.write.size(), 3u);
}

TEST(Manifest, DefaultsAreFilledIn) {
  const auto loaded = load_manifests(
      "{apiVersion: remit.dev/v1alpha1, kind: Mission, metadata: {name: a}, spec: {goal: g, model: {name: m}, budget: "
      "{tokens: 5}}}");
  ASSERT_TRUE(loaded) << to_error(loaded.error()).message();
  const auto mission = from_object<Mission>(loaded->front().object);
  ASSERT_TRUE(mission);
  Mission expected;
  expected.metadata.name = "a", expected.metadata.ns = "default";
  expected.spec.goal = "g", expected.spec.model.name = "m", expected.spec.budget.limits.tokens = 5;
  expected.spec.workspace.directory = WorkspaceDirectory{};
  EXPECT_EQ(*mission, expected);
}

TEST(Manifest, AnUnknownFieldNamesItsPlaceAndTheNearestField) {
  EXPECT_THAT(
      problems_of(replaced(kMission, "toolCalls:", "toolcals:")),
      ElementsAre("mission.yaml:11: spec.budget.toolcals: unknown field 'toolcals'; did you mean 'toolCalls'?"));
  EXPECT_THAT(problems_of(replaced(kMission, "importance: Normal", "quux: Normal")),
              ElementsAre(HasSubstr(
                  "mission.yaml:19: spec.quux: unknown field 'quux'; the fields here are goal, checks, agent")));
}

TEST(Manifest, AMissingFieldIsNamedWithWhatIsExpected) {
  EXPECT_THAT(
      problems_of(replaced(
          kMission, "  goal: Import all 2024 invoices in data/legacy into ledger.db and report the total per vendor.\n",
          "")),
      ElementsAre("mission.yaml:4: spec: missing field 'goal': a string"));
  EXPECT_THAT(problems_of(replaced(kMission, ", name: some-model", "")),
              ElementsAre(HasSubstr("spec.model: missing field 'name': the built-in")));
  EXPECT_THAT(problems_of(replaced(kMission, "name: import-invoices, ", "")),
              ElementsAre(HasSubstr("metadata: missing field 'name'")));
}

TEST(Manifest, ADuplicateKeyIsRefused) {
  EXPECT_THAT(problems_of(replaced(kMission, "  importance: Normal", "  goal: another")),
              ElementsAre("mission.yaml:19: spec.goal: duplicate key 'goal'; it stands at line 5 already"));
  EXPECT_THAT(problems_of(R"({"kind": "Mission", "kind": "Budget"})", "a.json"),
              ElementsAre(HasSubstr("a.json:1: kind: duplicate key 'kind'")));
  EXPECT_THAT(
      problems_of(replaced(kMission, "name: compute,", "name: read,")),
      ElementsAre(HasSubstr("mission.yaml:16: spec.permissions.rules[1].name: 'read' stands in this list twice")));
}

TEST(Manifest, AWrongTypeSaysWhatWasExpectedAndFound) {
  EXPECT_THAT(
      problems_of(replaced(kMission, "costUSD: \"0.50\"", "costUSD: 0.50")),
      ElementsAre(HasSubstr(
          "mission.yaml:11: spec.budget.costUSD: expected an amount in US dollars as a decimal string in quotes, such "
          "as \"0.50\", found the number")));
  EXPECT_THAT(problems_of(replaced(kMission, "tokens: 200000", "tokens: many")),
              ElementsAre(HasSubstr("spec.budget.tokens: expected a whole number, found the string 'many'")));
  EXPECT_THAT(problems_of(replaced(kMission, "egress: []", "egress: none")),
              ElementsAre(HasSubstr("expected a list, found the string")));
  EXPECT_THAT(problems_of(replaced(kMission, "{type: Builtin}", "Builtin")),
              ElementsAre(HasSubstr("spec.agent: expected a map")));
  EXPECT_THAT(problems_of(replaced(kMission, "minimumTier: GVisor", "minimumTier: gvisor")),
              ElementsAre("mission.yaml:18: spec.isolation.minimumTier: expected one of Process, GVisor, MicroVM, "
                          "found 'gvisor'; did you mean 'GVisor'?"));
  EXPECT_THAT(problems_of(replaced(kMission, "15m", "1.5h")), ElementsAre(HasSubstr("'1.5h' is not a duration")));
  EXPECT_THAT(problems_of(replaced(kMission, "goal: Import", "goal: 5 #")),
              ElementsAre(HasSubstr("expected a string (put it in quotes)")));
}

TEST(Manifest, SeveralProblemsComeTogether) {
  const auto text = replaced(replaced(kMission, "tokens: 200000", "tokens: 0"), "effect: Allow", "effect: Alow");
  EXPECT_THAT(problems_of(text),
              ElementsAre(HasSubstr("0 is too small; at least 1 needed"), HasSubstr("did you mean 'Allow'")));
}

TEST(Manifest, NoMoreThanTheLimitOfProblemsIsCollected) {
  std::string text = replaced(kMission, "  importance: Normal\n", "");
  for (int i = 0; i < 200; ++i) text += fmt::format("  unknown{}: 1\n", i);
  const auto problems = problems_of(text);
  EXPECT_EQ(problems.size(), limits::kProblems);
  EXPECT_THAT(problems.back(), HasSubstr("more problems"));
  std::string duplicates = "a: 1\n";
  for (int i = 0; i < 200; ++i) duplicates += "a: 1\n";
  EXPECT_LE(problems_of(duplicates).size(), limits::kProblems + 1);
}

TEST(Manifest, AUnionTakesTheMemberOfItsTypeOnly) {
  EXPECT_THAT(problems_of(replaced(kMission, "agent: {type: Builtin}", "agent: {type: Command}")),
              ElementsAre(HasSubstr("spec.agent: missing field 'command': type Command needs it")));
  EXPECT_THAT(problems_of(replaced(kMission, "agent: {type: Builtin}", "agent: {type: Builtin, command: {argv: [a]}}")),
              ElementsAre(HasSubstr("spec.agent.command: 'command' goes with type Command, but type is Builtin")));
}

TEST(Manifest, AGoalOfAMegabyteIsRefusedClearly) {
  const std::string goal(1'000'000, 'g');
  EXPECT_THAT(problems_of(replaced(kMission, "goal: Import all", "goal: " + goal)),
              ElementsAre(HasSubstr("mission.yaml:5: spec.goal: 1000077 bytes; at most 65536 are taken")));
  const std::string larger(2 << 20, 'g');
  EXPECT_THAT(problems_of(replaced(kMission, "goal: Import all", "goal: " + larger)),
              ElementsAre(HasSubstr("mission.yaml:5: spec.goal: the document is larger than 1048576 bytes")));
  EXPECT_TRUE(load_manifests(replaced(
      kMission, "goal: Import all 2024 invoices in data/legacy into ledger.db and report the total per vendor.",
      "goal: " + std::string(limits::kGoalBytes, 'g'))));
}

TEST(Manifest, ATextOverTheLimitIsRefused) {
  EXPECT_THAT(problems_of(std::string(limits::kManifestBytes + 1, '#')),
              ElementsAre(HasSubstr("at most 4194304 are read")));
}

TEST(Manifest, MalformedYamlNamesTheLine) {
  EXPECT_THAT(problems_of("a: 1\nb: [1, 2\nc: 3\n"), ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(problems_of("a: 1\n\tb: 2\n"), ElementsAre(HasSubstr("mission.yaml:2: not valid YAML")));
  EXPECT_THAT(problems_of("a: \"open\n"), ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(problems_of("a: 'open\n\n# b\n"), ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(problems_of("- a\nb: 1\n"),
              ElementsAre(HasSubstr("mission.yaml:2: not valid YAML: this does not belong")));
  EXPECT_THAT(problems_of("\"a\" \"b\"\n"), ElementsAre(HasSubstr("not valid YAML: this does not belong")));
  EXPECT_THAT(problems_of("a: b: c\n"), ElementsAre(HasSubstr("mission.yaml:1: not valid YAML")));
}

TEST(Manifest, DeepNestingIsRefusedQuickly) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(problems_of("a: " + std::string(100'000, '[') + std::string(100'000, ']')),
              ElementsAre(HasSubstr("nested deeper than 32 levels")));
  std::string block;
  for (int i = 0; i < 1000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(problems_of(block), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(problems_of("a: " + std::string(100'000, '[')), Not(ElementsAre()));
  EXPECT_THAT(problems_of("a: " + std::string(100'000, '{')), Not(ElementsAre()));
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) dashes += "- ";
  EXPECT_THAT(problems_of(dashes), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_THAT(problems_of(std::string(100'000, '['), "a.json"), ElementsAre(HasSubstr("nested deeper than 32 levels")));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST(Manifest, AnAliasBombIsRefused) {
  std::string bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'i'; ++c) {
    bomb += fmt::format("{}: &{} [", c, c);
    for (int i = 0; i < 10; ++i) bomb += fmt::format("*{}{}", static_cast<char>(c - 1), i < 9 ? ", " : "]\n");
  }
  EXPECT_THAT(problems_of(bomb), ElementsAre(HasSubstr("more than 50000 values (aliases expanded)")));

  std::string many = "a: &a 1\nb:\n";
  for (std::size_t i = 0; i <= limits::kYamlAliases; ++i) many += "- *a\n";
  EXPECT_THAT(problems_of(many), ElementsAre(HasSubstr("more than 100 aliases")));

  std::string large = "a: &a " + std::string(20'000, 'x') + "\nb:\n";
  for (int i = 0; i < 90; ++i) large += "- *a\n";
  EXPECT_THAT(problems_of(large), ElementsAre(HasSubstr("larger than 1048576 bytes (aliases expanded)")));

  std::string anchors = "b:\n";
  for (std::size_t i = 0; i <= limits::kYamlAliases; ++i) anchors += fmt::format("- &x{} 1\n", i);
  EXPECT_THAT(problems_of(anchors), ElementsAre(HasSubstr("more than 100 anchors")));

  EXPECT_THAT(problems_of("a: &a [*a]\n"), ElementsAre(HasSubstr("alias inside the value")));
  std::string deep = "a: &a [[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]\nb: [[[[[[[[[[[[*a]]]]]]]]]]]]\n";
  EXPECT_THAT(problems_of(deep), ElementsAre(HasSubstr("nested deeper than 32 levels")));
}

TEST(Manifest, AliasesWithinLimitsAreExpanded) {
  const auto documents = parse_yaml("a: &x {k: [1, two]}\nb: *x\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(to_json(documents->front().value), R"({"a":{"k":[1,"two"]},"b":{"k":[1,"two"]}})");
  EXPECT_EQ(documents->front().source.line("b.k[1]"), 2);
}

TEST(Manifest, TooManyValuesOrDocumentsAreRefused) {
  std::string list = "a:\n";
  for (std::size_t i = 0; i <= limits::kManifestNodes; ++i) list += "- 1\n";
  EXPECT_THAT(problems_of(list), ElementsAre(HasSubstr("more than 50000 values")));
  std::string documents, jsons;
  for (std::size_t i = 0; i <= limits::kManifestDocuments; ++i) documents += "---\na: 1\n", jsons += "{}\n";
  EXPECT_THAT(problems_of(documents), ElementsAre(HasSubstr("more than 100 documents")));
  EXPECT_THAT(problems_of(jsons, "a.json"), ElementsAre(HasSubstr("more than 100 documents")));
  EXPECT_THAT(problems_of(std::string(600, 'k') + ": 1\n"), ElementsAre(HasSubstr("a key of 600 bytes; at most 512")));
}

TEST(Manifest, InvalidUtf8AndControlsAreRefused) {
  EXPECT_THAT(problems_of("a: 1\nb: \xff\xfe\n"),
              ElementsAre("mission.yaml:2: not valid UTF-8; save the file as UTF-8"));
  EXPECT_THAT(problems_of(std::string_view("a: 1\nb: x\0y\n", 12)),
              ElementsAre(HasSubstr("mission.yaml:2: the control character 0x00")));
  EXPECT_THAT(problems_of("{\"a\": \"\xc3\x28\"}", "a.json"), ElementsAre(HasSubstr("not valid UTF-8")));
  EXPECT_THAT(problems_of("{\"a\": \"\\ud800\"}", "a.json"), ElementsAre(HasSubstr("not valid JSON")));
}

TEST(Manifest, WhatYaml12DoesNotHaveIsRefused) {
  EXPECT_THAT(problems_of("a: &a {x: 1}\nb: {<<: *a}\n"), ElementsAre(HasSubstr("merge keys")));
  EXPECT_THAT(problems_of("a: !!python/object x\n"), Contains(HasSubstr("the tag")));
  EXPECT_THAT(problems_of("a: !custom {}\n"), Contains(HasSubstr("the tag '!custom' is not known")));
  EXPECT_THAT(problems_of("? [a]\n: 1\n"), ElementsAre(HasSubstr("expected a string as key")));
  EXPECT_THAT(problems_of("~: 1\n"), ElementsAre(HasSubstr("expected a string as key")));
}

TEST(Manifest, ScalarsFollowTheCoreSchema) {
  const auto documents = parse_yaml(R"(
- [yes, no, on, true, False, ~, null, "null", 'true']
- [12, -3, +4, 0o17, 0x1f, 1e3, .5, 1., -0.25, 1_000, 0b1, 12:30:45, 2024-01-01, .inf, .nan]
- [9223372036854775807, 9223372036854775808, 99999999999999999999]
- [!!str 5, !!int 5, "5", '5']
)");
  ASSERT_TRUE(documents) << to_error(documents.error()).message();
  EXPECT_EQ(
      to_json(documents->front().value),
      R"([["yes","no","on",true,false,null,null,"null","true"],[12,-3,4,15,31,1E3,5E-1,1E0,-2.5E-1,"1_000","0b1","12:30:45","2024-01-01",)"
      R"(".inf",".nan"],[9223372036854775807,9223372036854775808,1E20],["5",5,"5","5"]])");
}

TEST(Manifest, SeveralDocumentsAndLists) {
  const std::string budget =
      "apiVersion: remit.dev/v1alpha1\nkind: Budget\nmetadata: {name: b}\nspec: {costUSD: \"5\"}\n";
  const auto loaded = load_manifests(std::string(kMission) + "---\n# nothing here\n---\n" + budget, "all.yaml");
  ASSERT_TRUE(loaded) << to_error(loaded.error()).message();
  ASSERT_EQ(loaded->size(), 2u);
  EXPECT_EQ(loaded->at(1).source.place("spec.costUSD"), "all.yaml:26");

  const auto list = load_manifests(
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: remit.dev/v1alpha1\n  kind: Budget\n  metadata: {name: b}\n"
      "  spec:\n    costUSD: \"5\"\n",
      "list.yaml");
  ASSERT_TRUE(list) << to_error(list.error()).message();
  EXPECT_EQ(list->front().source.place("spec.costUSD"), "list.yaml:8");
  EXPECT_THAT(problems_of("# empty\n"), ElementsAre(HasSubstr("no object in it")));
}

TEST(Manifest, TheEndOfATextMayTakeAnyForm) {
  for (const auto* text : {"a: |\n  x\n", "a: x", "a: x\n", "---\na: x\n...\n", "a: x\n\n# end\n", "a: x\r\n",
                           "\xef\xbb\xbf"
                           "a: x\n",
                           "a: x\n---\n"}) {
    const auto documents = parse_yaml(text);
    ASSERT_TRUE(documents) << text << to_error(documents.error()).message();
    EXPECT_EQ(documents->size(), 1u) << text;
  }
  EXPECT_EQ(to_json(parse_yaml("a: |+\n  x\n\n")->front().value), R"({"a":"x\n\n"})");
  EXPECT_EQ(to_json(parse_yaml("a: |\n  x")->front().value), R"({"a":"x"})");
}

TEST(Manifest, JsonHasLinesToo) {
  const auto loaded = load_manifests(
      "{\"apiVersion\": \"remit.dev/v1alpha1\", \"kind\": \"Budget\",\n \"metadata\": {\"name\": \"b\"},\n"
      " \"spec\": {\n  \"costUSD\": \"5\", \"t\\u006fkens\": 7}}\n",
      "b.json");
  ASSERT_TRUE(loaded) << to_error(loaded.error()).message();
  EXPECT_EQ(loaded->front().source.place("spec.tokens"), "b.json:4");
  EXPECT_THAT(problems_of("{\"a\": 1,\n \"b\": }", "b.json"), ElementsAre(HasSubstr("b.json:2: not valid JSON")));
  EXPECT_THAT(problems_of("[1, 2]", "b.json"), ElementsAre(HasSubstr("expected an object")));
  EXPECT_THAT(problems_of("7", "b.json"), ElementsAre(HasSubstr("expected { or [")));
}

TEST(Manifest, KindAndVersionAreChecked) {
  EXPECT_THAT(
      problems_of(replaced(kMission, "kind: Mission", "kind: Misson")),
      ElementsAre(HasSubstr("mission.yaml:2: kind: unknown kind 'Misson'; expected one of Mission, MissionClass")));
  EXPECT_THAT(problems_of(replaced(kMission, "v1alpha1", "v9")),
              ElementsAre(HasSubstr("mission.yaml:1: apiVersion: expected 'remit.dev/v1alpha1'")));
  EXPECT_THAT(problems_of("spec: {}\n"),
              ElementsAre(HasSubstr("missing field 'kind'"), HasSubstr("missing field 'apiVersion'")));
  EXPECT_THAT(problems_of(replaced(kMission, "name: import-invoices", "name: Import_Invoices")),
              ElementsAre(HasSubstr("metadata.name: expected lower-case letters")));
}

TEST(Manifest, PathsAndNamesAreKeptInBounds) {
  EXPECT_THAT(problems_of(replaced(kMission, "report.md", "../report.md")),
              ElementsAre(HasSubstr("spec.workspace.write[1]: expected a glob relative")));
  EXPECT_THAT(problems_of(replaced(kMission, "report.md", "/etc/passwd")),
              ElementsAre(HasSubstr("not starting with '/'")));
  EXPECT_THAT(problems_of(replaced(kMission, "report.md", "\"a\\nb\"")),
              ElementsAre(HasSubstr("spec.workspace.write[1]")));
  EXPECT_THAT(problems_of(replaced(kMission, "egress: []", "egress: [{name: a, host: \"https://x\", port: 99999}]")),
              ElementsAre(HasSubstr("egress[0].host: expected a lower-case host"),
                          HasSubstr("99999 is too large; at most 65535")));
}

TEST(Manifest, TooManyRulesAreRefused) {
  std::string rules = "rules:\n";
  for (std::size_t i = 0; i <= limits::kRules; ++i)
    rules += fmt::format("    - {{name: r{}, effect: Allow, tools: [\"x\"]}}\n", i);
  EXPECT_THAT(problems_of(replaced(kMission, "rules:\n", rules)),
              Contains(HasSubstr("259 items; at most 256 are taken")));
}

TEST(Manifest, AMissingFileSaysSo) {
  const auto loaded = load_manifest_file("/no/such/mission.yaml");
  ASSERT_FALSE(loaded);
  EXPECT_THAT(loaded.error().front().to_string(), HasSubstr("/no/such/mission.yaml: "));
  EXPECT_THAT(loaded.error().front().to_string(), HasSubstr("No such file"));
}

}  // namespace
}  // namespace remit::resource
