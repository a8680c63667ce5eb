#include "cli/command_mission.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>

#include "base/strings.h"
#include "core/money.h"
#include "models/environment.h"
#include "resource/mission.h"
#include "resource/model_provider.h"

namespace remit::cli {

namespace {

constexpr const char* kApiVersion = "remit.dev/v1alpha1";
constexpr std::size_t kNameBytes = 40;
constexpr std::size_t kShownGoalBytes = 1000;

// A word as a POSIX shell would take it back.
std::string quoted(const std::string& word) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_line(const std::vector<std::string>& words) {
  std::vector<std::string> out;
  for (const auto& word : words) out.push_back(quoted(word));
  return to_valid_utf8(join(out, " "));
}

std::string name_for(const std::vector<std::string>& command, const std::string& suffix) {
  std::string name;
  for (const char c : to_lower(command.front().substr(command.front().find_last_of('/') + 1))) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) name += c;
    if (!plain && !name.empty() && !name.ends_with('-')) name += '-';
    if (name.size() >= kNameBytes) break;
  }
  while (name.ends_with('-')) name.pop_back();
  return (name.empty() ? "agent" : name) + "-" + suffix;
}

json::array strings(const std::vector<std::string>& list) {
  json::array out;
  for (const auto& each : list) out.push_back(json::string(each));
  return out;
}

// "files.read" or "http.request=args.method == 'GET'".
json::object rule_of(std::string name, const char* effect, const std::string& flag) {
  const auto equals = flag.find('=');
  json::object rule{
      {"name", std::move(name)}, {"effect", effect}, {"tools", json::array{json::string(flag.substr(0, equals))}}};
  if (equals != std::string::npos) rule["when"] = flag.substr(equals + 1);
  return rule;
}

Result<json::object> egress_of(std::string name, const std::string& flag) {
  const auto colon = flag.rfind(':');
  const bool has_port = colon != std::string::npos && flag.find(']', colon) == std::string::npos;
  std::string host = has_port ? flag.substr(0, colon) : flag;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  std::int64_t port = 443;
  if (has_port) {
    const auto digits = flag.substr(colon + 1);
    const bool number = !digits.empty() && digits.size() <= 5 &&
                        std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
    if (!number)
      return fail(invalid_argument(
          fmt::format("--egress {}: HOST:PORT is expected, such as api.example.com:443", printable(flag, 200))));
    port = std::stol(digits);
  }
  return json::object{{"name", std::move(name)}, {"host", std::move(host)}, {"port", port}};
}

Result<json::object> permissions_of(const CommandMissionFlags& flags) {
  json::array rules, egress;
  for (std::size_t i = 0; i < flags.ask.size(); ++i)
    rules.push_back(rule_of(fmt::format("ask-{}", i + 1), "Ask", flags.ask[i]));
  for (std::size_t i = 0; i < flags.allow.size(); ++i)
    rules.push_back(rule_of(fmt::format("allow-{}", i + 1), "Allow", flags.allow[i]));
  for (std::size_t i = 0; i < flags.egress.size(); ++i) {
    REMIT_TRY(auto rule, egress_of(fmt::format("egress-{}", i + 1), flags.egress[i]));
    egress.push_back(std::move(rule));
  }
  // Who names an address wants it reached; --ask still comes first.
  if (!egress.empty()) rules.push_back(rule_of("egress", "Allow", "http.request"));
  json::object permissions{{"mode", "Enforce"}};
  if (!rules.empty()) permissions["rules"] = std::move(rules);
  if (!egress.empty()) permissions["egress"] = std::move(egress);
  return permissions;
}

Result<json::object> budget_of(const CommandMissionFlags& flags) {
  json::object budget;
  if (!flags.budget.empty()) {
    auto limit = parse_usd(flags.budget);
    if (!limit) return fail(limit.error().wrap("--budget"));
    budget["costUSD"] = to_usd(*limit);
  }
  if (flags.tokens) budget["tokens"] = *flags.tokens;
  if (flags.calls) budget["toolCalls"] = *flags.calls;
  if (budget.empty()) budget["costUSD"] = kDefaultBudgetUsd;
  budget["activeDuration"] = flags.time.empty() ? std::string(kDefaultActiveTime) : flags.time;
  return budget;
}

// Words are kept as such when no shell is needed, so that the files they name are pinned.
json::object check_of(std::size_t number, const std::string& text) {
  const bool plain = text.find_first_of("'\"\\$`|&;<>()*?[]{}~#!\n=") == std::string::npos;
  std::vector<std::string> words;
  for (const auto word : split(text, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  if (!plain || words.empty()) words = {"/bin/sh", "-c", text};
  return {{"name", fmt::format("check-{}", number)}, {"exec", json::object{{"command", strings(words)}}}};
}

Result<json::object> provider_of(const std::string& name, const std::string& ns, std::string& model,
                                 const serve::EnvironmentGetter& environment) {
  REMIT_TRY(const auto config, models::provider_from_environment(environment, model));
  if (model.empty()) model = config.model;
  const bool anthropic = config.type == models::ProviderType::kAnthropic;
  json::object endpoint{{"baseURL", models::effective_base_url(config)}};
  constexpr std::string_view kVariable = "environment variable ";
  if (!config.api_key.empty() && config.api_key_source.starts_with(kVariable)) {
    endpoint["apiKeyRef"] = json::object{{"env", config.api_key_source.substr(kVariable.size())}};
  }
  json::object spec{{"type", anthropic ? "Anthropic" : "OpenAI"}};
  spec[anthropic ? "anthropic" : "openAI"] = std::move(endpoint);
  return json::object{{"apiVersion", kApiVersion},
                      {"kind", "ModelProvider"},
                      {"metadata", {{"name", name}, {"namespace", ns}}},
                      {"spec", std::move(spec)}};
}

}  // namespace

bool CommandMissionFlags::shapes_mission() const {
  const bool text = !goal.empty() || !dir.empty() || !name.empty() || !model.empty() || !tier.empty() || !time.empty();
  const bool list =
      !allow.empty() || !ask.empty() || !write.empty() || !hide.empty() || !egress.empty() || !check.empty();
  return text || list || tokens || calls;
}

Result<std::vector<json::object>> command_mission(const CommandMissionFlags& flags, const std::string& ns,
                                                  const std::string& folder, const std::string& suffix,
                                                  const serve::EnvironmentGetter& environment) {
  std::vector<json::object> objects;
  const std::string name = flags.name.empty() ? name_for(flags.command, suffix) : flags.name;
  std::string model = flags.model;
  json::object spec;
  spec["goal"] = flags.goal.empty() ? "Run " + printable(command_line(flags.command), kShownGoalBytes) : flags.goal;
  json::array checks;
  for (const auto& text : flags.check) checks.push_back(check_of(checks.size() + 1, text));
  if (!checks.empty()) spec["checks"] = std::move(checks);
  spec["agent"] = json::object{{"type", "Command"}, {"command", json::object{{"argv", strings(flags.command)}}}};
  if (flags.live) {
    REMIT_TRY(auto provider, provider_of(name, ns, model, environment));
    objects.push_back(std::move(provider));
  }
  json::object wanted{{"providerRef", json::object{{"name", flags.live ? name : std::string("default")}}}};
  if (!model.empty()) wanted["name"] = model;
  spec["model"] = std::move(wanted);
  std::string path = serve::resolve_path(flags.dir.empty() ? "." : flags.dir, folder);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  json::object workspace{{"type", "Directory"},
                         {"directory", json::object{{"path", std::move(path)}}},
                         {"write", flags.write.empty() ? json::array{"**"} : strings(flags.write)}};
  if (!flags.hide.empty()) workspace["hide"] = strings(flags.hide);
  spec["workspace"] = std::move(workspace);
  REMIT_TRY(spec["budget"], budget_of(flags));
  REMIT_TRY(spec["permissions"], permissions_of(flags));
  spec["isolation"] = json::object{{"minimumTier", flags.tier.empty() ? std::string("GVisor") : flags.tier}};
  objects.push_back({{"apiVersion", kApiVersion},
                     {"kind", "Mission"},
                     {"metadata", {{"name", name}, {"namespace", ns}}},
                     {"spec", std::move(spec)}});
  return objects;
}

Result<std::vector<resource::LoadedObject>> load_command_mission(const std::vector<json::object>& objects) {
  std::vector<resource::LoadedObject> loaded;
  for (const auto& content : objects) {
    resource::LoadedObject each{resource::Object(content), {}};
    if (auto problems = resource::validate(each.object, each.source); !problems.empty()) {
      return fail(
          resource::to_error(problems).wrap("the flags do not make a sound mission (--dry-run -o yaml shows it)"));
    }
    loaded.push_back(std::move(each));
  }
  return loaded;
}

std::string to_manifest(const std::vector<json::object>& objects) {
  std::string text;
  for (const auto& object : objects) text += (text.empty() ? "" : "---\n") + resource::to_yaml(object);
  return text;
}

}  // namespace remit::cli
