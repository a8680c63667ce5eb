#include "cli/command_mission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resource/mission.h"
#include "resource/model_provider.h"

namespace remit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<std::string> no_environment(std::string_view) { return std::nullopt; }

Result<resource::Mission> mission_of(const CommandMissionFlags& flags,
                                     const serve::EnvironmentGetter& environment = no_environment) {
  REMIT_TRY(const auto objects, command_mission(flags, "team", "/home/me/project", "abc123", environment));
  REMIT_TRY(const auto loaded, load_command_mission(objects));
  // What is printed must come back as the same objects.
  auto read = resource::load_manifests(to_manifest(objects), "printed.yaml");
  EXPECT_TRUE(read.has_value()) << to_manifest(objects);
  if (read) EXPECT_EQ(read->back().object, loaded.back().object);
  return resource::from_object<resource::Mission>(loaded.back().object);
}

TEST(CommandMission, HasSoundDefaults) {
  CommandMissionFlags flags;
  flags.command = {"/usr/bin/My_Agent.py", "fix the 'tests'"};
  const auto mission = mission_of(flags);
  ASSERT_TRUE(mission) << mission.error().to_string();
  EXPECT_EQ(mission->metadata.name, "my-agent-py-abc123");
  EXPECT_EQ(mission->metadata.ns, "team");
  EXPECT_EQ(mission->spec.goal, R"(Run /usr/bin/My_Agent.py 'fix the '\''tests'\''')");
  EXPECT_EQ(mission->spec.agent.command->argv, flags.command);
  EXPECT_EQ(mission->spec.workspace.directory->path, "/home/me/project");
  EXPECT_THAT(mission->spec.workspace.write, ElementsAre("**"));
  EXPECT_TRUE(mission->spec.permissions.rules.empty());
  EXPECT_TRUE(mission->spec.permissions.egress.empty());
  EXPECT_EQ(mission->spec.isolation.minimum_tier, resource::Tier::kGVisor);
  EXPECT_EQ(mission->spec.budget.limits.cost_usd, MicroUsd{1'000'000});
  EXPECT_EQ(mission->spec.budget.limits.active_duration, Duration(std::chrono::hours(1)));
  EXPECT_EQ(mission->spec.model.name, "");
}

TEST(CommandMission, TakesEveryFlagOver) {
  CommandMissionFlags flags;
  flags.command = {"sh"};
  flags.goal = "a goal", flags.dir = "../other", flags.name = "mine", flags.model = "m", flags.tier = "Process",
  flags.budget = "2", flags.time = "5m";
  flags.tokens = 1000, flags.calls = 3;
  flags.allow = {"http.*=args.method == 'GET'"}, flags.ask = {"http.request"}, flags.write = {"*.md"},
  flags.hide = {".env"};
  flags.egress = {"api.example.com", "127.0.0.1:8080", "[::1]:9"};
  flags.check = {"python3 check.py", "grep -q x y | cat"};
  const auto mission = mission_of(flags);
  ASSERT_TRUE(mission) << mission.error().to_string();
  const auto& spec = mission->spec;
  EXPECT_EQ(spec.workspace.directory->path, "/home/me/other");
  ASSERT_EQ(spec.permissions.rules.size(), 3u);
  EXPECT_EQ(spec.permissions.rules[0].effect, resource::RuleEffect::kAsk);
  EXPECT_EQ(spec.permissions.rules[1].when, "args.method == 'GET'");
  ASSERT_EQ(spec.permissions.egress.size(), 3u);
  EXPECT_EQ(spec.permissions.egress[0].port, 443);
  EXPECT_EQ(spec.permissions.egress[2].host, "::1");
  EXPECT_EQ(spec.permissions.egress[2].port, 9);
  EXPECT_THAT(spec.checks[0].exec.command, ElementsAre("python3", "check.py"));
  EXPECT_THAT(spec.checks[1].exec.command, ElementsAre("/bin/sh", "-c", "grep -q x y | cat"));
  EXPECT_EQ(spec.budget.limits.tokens, 1000);
  EXPECT_EQ(spec.budget.limits.cost_usd, MicroUsd{2'000'000});
}

TEST(CommandMission, NamesTheLiveProviderButNotItsKey) {
  CommandMissionFlags flags;
  flags.command = {"sh"}, flags.live = true;
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "ANTHROPIC_API_KEY") return "sk-ant-secret";
    return std::nullopt;
  };
  const auto objects = command_mission(flags, "team", "/", "abc123", environment);
  ASSERT_TRUE(objects) << objects.error().to_string();
  ASSERT_EQ(objects->size(), 2u);
  const auto provider = resource::from_object<resource::ModelProvider>(resource::Object((*objects)[0]));
  ASSERT_TRUE(provider) << provider.error().to_string();
  EXPECT_EQ(provider->spec.type, resource::ProviderType::kAnthropic);
  EXPECT_EQ(provider->spec.anthropic->api_key_ref->env, "ANTHROPIC_API_KEY");
  EXPECT_THAT(to_manifest(*objects), ::testing::Not(HasSubstr("sk-ant-secret")));
  const auto mission = mission_of(flags, environment);
  ASSERT_TRUE(mission);
  EXPECT_EQ(mission->spec.model.provider_ref.name, provider->metadata.name);
}

TEST(CommandMission, ErrorsNameTheFlag) {
  CommandMissionFlags flags;
  flags.command = {"sh"};
  flags.egress = {"host:port"};
  auto made = command_mission(flags, "n", "/", "x", no_environment);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().to_string(), HasSubstr("--egress host:port"));
  flags.egress = {}, flags.budget = "-1";
  made = command_mission(flags, "n", "/", "x", no_environment);
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().to_string(), HasSubstr("--budget"));
  flags.budget = "", flags.live = true;
  EXPECT_FALSE(command_mission(flags, "n", "/", "x", no_environment));
}

}  // namespace
}  // namespace remit::cli
