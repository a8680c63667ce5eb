// The fields of Mission and of what MissionClass and Budget share with it.
#pragma once

#include "resource/mission.h"
#include "resource/schema/meta_fields.h"

namespace remit::resource {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr std::int64_t kCountMax = 1'000'000'000'000;  // Tokens and calls; far from overflow when summed.

template <typename V>
void describe(V& v, ExecAction& e) {
  v(field("command", "Program and arguments; no shell is put in between.").required().items(1, 64).length(0, 64u << 10),
    e.command);
}

template <typename V>
void describe(V& v, Check& c) {
  v(field("name", "What messages call it.").required().format(Format::kDnsLabel).length(1, limits::kLabelBytes),
    c.name);
  v(field("exec", "Runs in a sandbox on the workspace, read-only to the agent; exit code 0 means passed.").required(),
    c.exec);
  v(field("timeout", "Then it counts as failed.").range(seconds(1), hours(24)), c.timeout);
}

template <typename V>
void describe(V& v, CommandAgent& c) {
  v(field("argv", "Program and arguments of the agent.").required().items(1, 256).length(0, 64u << 10), c.argv);
}

template <typename V>
void describe(V& v, ContainerAgent& c) {
  v(field("image", "Image reference of the agent.").required().format(Format::kLine).length(1, 1024), c.image);
  v(field("argv", "Program and arguments; absent: the image's own.").items(0, 256).length(0, 64u << 10), c.argv);
}

template <typename V>
void describe(V& v, Agent& a) {
  v(field("type", "Which agent works: the built-in loop, a command on this machine or a container image."), a.type);
  v(field("command", "For type Command."), a.command);
  v(field("container", "For type Container."), a.container);
  v.union_of("type", {{"Command", "command"}, {"Container", "container"}});
}

template <typename V>
void describe(V& v, MissionModel& m) {
  v(field("providerRef", "ModelProvider that answers."), m.provider_ref);
  v(field("name", "Model as the provider names it; only an agent that is not Builtin may leave it out.")
        .format(Format::kLine)
        .length(1, 256),
    m.name);
  v(field("maxOutputTokens", "Of one answer; absent: the provider's default.").range(1, 10'000'000).zero_absent(),
    m.max_output_tokens);
}

template <typename V>
void describe(V& v, WorkspaceDirectory& d) {
  v(field("path", "Folder on this machine; relative to the manifest.").format(Format::kPath), d.path);
}

template <typename V>
void describe(V& v, Workspace& w) {
  v(field("type", "Where the files come from."), w.type);
  v(field("directory", "For type Directory.").fill(), w.directory);
  v(field("write", "Globs of the files that may be changed, relative to the workspace; none: nothing.")
        .format(Format::kRelativeGlob)
        .items(0, limits::kListItems)
        .length(1, 1024)
        .unique(),
    w.write);
  v(field("hide", "Globs of the files that the agent does not see.")
        .format(Format::kRelativeGlob)
        .items(0, limits::kListItems)
        .length(1, 1024)
        .unique(),
    w.hide);
  v.union_of("type", {{"Directory", "directory"}});
}

template <typename V>
void describe(V& v, BudgetLimits& b) {
  v(field("costUSD", "Money, as a decimal string.").raise_in_run().range(1, kMoneyLimit.value), b.cost_usd);
  v(field("tokens", "Tokens processed anew: input not served from a cache, output, reasoning.")
        .raise_in_run()
        .range(1, kCountMax),
    b.tokens);
  v(field("toolCalls", "Calls of tools.").raise_in_run().range(1, kCountMax), b.tool_calls);
  v(field("activeDuration", "Time that a run is active; waiting for a human does not count.")
        .raise_in_run()
        .range(seconds(1), hours(99999)),
    b.active_duration);
}

template <typename V>
void describe(V& v, MissionBudget& b) {
  describe(v, b.limits);
  v(field("onExhausted", "What happens when a limit is reached."), b.on_exhausted);
  v(field("budgetRef", "Budget that pays; absent: the one named 'default', when there is one.").fixed_in_run(),
    b.budget_ref);
  v.at_least_one_of({"costUSD", "tokens", "toolCalls", "activeDuration"});
}

template <typename V>
void describe(V& v, Rule& r) {
  v(field("name", "What verdicts call it.").required().format(Format::kDnsLabel).length(1, limits::kLabelBytes),
    r.name);
  v(field("effect", "Deny counts before Ask, Ask before Allow.").required(), r.effect);
  v(field("tools", "Tool names; * stands for any characters.")
        .required()
        .format(Format::kToolGlob)
        .items(1, 64)
        .length(1, 128),
    r.tools);
  v(field("when", "Condition in CEL over action and args; one that fails to evaluate denies.")
        .length(1, limits::kConditionBytes),
    r.when);
}

template <typename V>
void describe(V& v, EgressRule& e) {
  v(field("name", "What verdicts call it.").required().format(Format::kDnsLabel).length(1, limits::kLabelBytes),
    e.name);
  v(field("host", "Host name, *.domain for all below it, or an IP address.")
        .required()
        .format(Format::kHost)
        .length(1, 253),
    e.host);
  v(field("port", "TCP port.").range(1, 65535), e.port);
}

template <typename V>
void describe(V& v, Permissions& p) {
  v(field("mode", "Audit decides and records, but does not hold back."), p.mode);
  v(field("rules", "What no rule allows is denied.").keyed_by("name").items(0, limits::kRules), p.rules);
  v(field("egress", "Addresses that may be reached; none: nothing.").keyed_by("name").items(0, limits::kEgress),
    p.egress);
}

template <typename V>
void describe(V& v, Isolation& i) {
  v(field("minimumTier", "Weakest isolation that is good enough; a host without it refuses the mission."),
    i.minimum_tier);
  v(field("limits", "BestEffort goes on where this host cannot enforce a limit."), i.limits);
  v(field("memory", "Of one sandbox.").range(4 << 20, std::int64_t{1} << 44), i.memory);
  v(field("cpu", "Cores of one sandbox.").range(10, 1'024'000), i.cpu);
  v(field("pids", "Processes and threads of one sandbox.").range(1, 1 << 22), i.pids);
  v(field("disk", "What one sandbox may write.").range(1 << 20, std::int64_t{1} << 44), i.disk);
  v(field("timeout", "Longest time that one command may run.").range(milliseconds(100), hours(24)), i.timeout);
}

template <typename V>
void describe(V& v, MissionSpec& s) {
  v(field("goal", "What the agent shall achieve, in plain words.")
        .required()
        .fixed_in_run()
        .length(1, limits::kGoalBytes),
    s.goal);
  v(field("checks", "Commands that decide whether the goal is met.")
        .fixed_in_run()
        .keyed_by("name")
        .items(0, limits::kChecks),
    s.checks);
  v(field("agent", "The program that works on the mission.").fixed_in_run(), s.agent);
  v(field("model", "The model that it thinks with.").fixed_in_run(), s.model);
  v(field("workspace", "The files that it works on, copy on write.").fixed_in_run(), s.workspace);
  v(field("budget", "What it may use; it may be raised while a run is under way.").required(), s.budget);
  v(field("permissions", "What it may do.").fixed_in_run(), s.permissions);
  v(field("isolation", "How each call is kept apart.").fixed_in_run(), s.isolation);
  v(field("importance", "How much it matters when compute is scarce."), s.importance);
  v(field("desiredState", "Stopped ends the run; Paused lets it go on later."), s.desired_state);
  v(field("toolServerRefs", "ToolServers besides the built-in tools.").fixed_in_run().keyed_by("name").items(0, 64),
    s.tool_server_refs);
  v(field("parentRef", "Mission that this one serves; its rules and budget hold too.").fixed_in_run(), s.parent_ref);
  v(field("classRef", "MissionClass whose ceilings hold.").fixed_in_run(), s.class_ref);
}

template <typename V>
void describe(V& v, TokenCounts& t) {
  v(field("input", "All input.").range(0, INT64_MAX), t.input);
  v(field("cachedInput", "Of input: served from the provider's cache.").range(0, INT64_MAX), t.cached_input);
  v(field("output", "All output.").range(0, INT64_MAX), t.output);
  v(field("reasoning", "Of output: reasoning.").range(0, INT64_MAX), t.reasoning);
}

template <typename V>
void describe(V& v, VerdictCounts& c) {
  v(field("allow", "Actions allowed.").range(0, INT64_MAX), c.allow);
  v(field("deny", "Actions denied.").range(0, INT64_MAX), c.deny);
  v(field("ask", "Actions that a human was asked about.").range(0, INT64_MAX), c.ask);
  v(field("unavailable", "Actions that no judge could answer for.").range(0, INT64_MAX), c.unavailable);
}

template <typename V>
void describe(V& v, ChangeCounts& c) {
  v(field("added", "Files added to the workspace.").range(0, INT64_MAX), c.added);
  v(field("modified", "Files modified.").range(0, INT64_MAX), c.modified);
  v(field("deleted", "Files deleted.").range(0, INT64_MAX), c.deleted);
}

template <typename V>
void describe(V& v, MissionStatus& s) {
  v(field("phase", "Where the run is."), s.phase);
  v(field("observedGeneration", "Generation of the spec that this status is about.").range(0, INT64_MAX),
    s.observed_generation);
  v(field("conditions", "What holds and what does not.").keyed_by("type").items(0, 32), s.conditions);
  v(field("runId", "ULID of the run.").format(Format::kRunId), s.run_id);
  v(field("traceId", "W3C trace id of the run.").format(Format::kTraceId), s.trace_id);
  v(field("goalMet", "Whether all checks passed."), s.goal_met);
  v(field("costMicroUSD", "Money spent, in millionths of a dollar.").range(0, INT64_MAX), s.cost_micro_usd);
  v(field("tokens", "Tokens as the provider counted them."), s.tokens);
  v(field("calls", "Actions proposed.").range(0, INT64_MAX), s.calls);
  v(field("verdicts", "How they were decided."), s.verdicts);
  v(field("changes", "Files that the run changed in its workspace."), s.changes);
  v(field("activeDuration", "Time used of the budget."), s.active_duration);
  v(field("startedAt", "When the run began.").format(Format::kTimestamp), s.started_at);
  v(field("finishedAt", "When it ended.").format(Format::kTimestamp), s.finished_at);
}

template <typename V>
void describe(V& v, Mission& m) {
  describe_object(v, m, field("spec", "What an agent is sent to do, with what, and within which bounds.").required());
}

}  // namespace remit::resource
