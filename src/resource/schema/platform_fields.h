// The fields of MissionClass, Budget, ToolServer, ModelProvider and Approval.
#pragma once

#include "resource/approval.h"
#include "resource/budget.h"
#include "resource/mission_class.h"
#include "resource/model_provider.h"
#include "resource/schema/mission_fields.h"
#include "resource/tool_server.h"

namespace remit::resource {

// The status of a kind of which nothing but conditions is known.
template <typename V, typename Status>
void describe_plain_status(V& v, Status& s) {
  v(field("observedGeneration", "Generation of the spec that this status is about.").range(0, INT64_MAX),
    s.observed_generation);
  v(field("conditions", "What holds and what does not.").keyed_by("type").items(0, 32), s.conditions);
}

template <typename V>
void describe(V& v, TierRuntime& t) {
  v(field("tier", "Tier that missions ask for.").required(), t.tier);
  v(field("runtimeClassName", "Kubernetes RuntimeClass that gives it.")
        .required()
        .format(Format::kDnsSubdomain)
        .length(1, limits::kNameBytes),
    t.runtime_class_name);
}

template <typename V>
void describe(V& v, MissionClassSpec& s) {
  v(field("maxBudget", "The most that one mission may ask for."), s.max_budget);
  v(field("minimumTier", "A mission that asks for a weaker tier is refused."), s.minimum_tier);
  v(field("runtimes", "Which RuntimeClass gives which tier.").keyed_by("tier").items(0, 8), s.runtimes);
}

template <typename V>
void describe(V& v, MissionClassStatus& s) {
  v(field("conditions", "What holds and what does not.").keyed_by("type").items(0, 32), s.conditions);
}

template <typename V>
void describe(V& v, MissionClass& m) {
  describe_object(v, m, field("spec", "What a platform grants to missions at the most.").required());
}

template <typename V>
void describe(V& v, BudgetSpec& s) {
  describe(v, s.limits);
  v.at_least_one_of({"costUSD", "tokens", "toolCalls", "activeDuration"});
}

template <typename V>
void describe(V& v, BudgetSpent& s) {
  v(field("costMicroUSD", "Money, in millionths of a dollar.").range(0, INT64_MAX), s.cost_micro_usd);
  v(field("tokens", "Tokens processed anew.").range(0, INT64_MAX), s.tokens);
  v(field("calls", "Calls of tools.").range(0, INT64_MAX), s.calls);
  v(field("activeDuration", "Time that runs were active."), s.active_duration);
}

template <typename V>
void describe(V& v, BudgetStatus& s) {
  describe_plain_status(v, s);
  v(field("spent", "What missions have used."), s.spent);
  v(field("reserved", "What open missions hold."), s.reserved);
}

template <typename V>
void describe(V& v, Budget& b) {
  describe_object(v, b, field("spec", "What missions may draw together.").required());
}

template <typename V>
void describe(V& v, McpEndpoint& m) {
  v(field("url", "Streamable HTTP endpoint.").required().format(Format::kHttpUrl).length(1, 2048), m.url);
  v(field("tokenRef", "Secret that is sent as a bearer token."), m.token_ref);
}

template <typename V>
void describe(V& v, ToolDeclaration& t) {
  v(field("name", "As rules name it.").required().format(Format::kToolName).length(1, 128), t.name);
  v(field("description", "For the model and for people.").length(0, 8192), t.description);
  v(field("effect", "What a call does to the world; Irreversible is recorded durably before it begins.").required(),
    t.effect);
  v(field("idempotent",
          "Whether doing it twice is the same as doing it once; only then a call of unknown outcome is repeated."),
    t.idempotent);
  v(field("timeout", "Then the call has failed.").range(milliseconds(100), hours(24)), t.timeout);
  v(field("inputSchema", "JSON Schema of the arguments."), t.input_schema);
}

template <typename V>
void describe(V& v, ToolServerSpec& s) {
  v(field("type", "How it is reached.").required(), s.type);
  v(field("mcp", "For type MCP."), s.mcp);
  v(field("tools", "The tools that it may offer; others are refused.")
        .keyed_by("name")
        .items(0, limits::kToolsPerServer),
    s.tools);
  v.union_of("type", {{"MCP", "mcp"}});
}

template <typename V>
void describe(V& v, ToolServerStatus& s) {
  describe_plain_status(v, s);
}

template <typename V>
void describe(V& v, ToolServer& t) {
  describe_object(v, t, field("spec", "Tools, what each does to the world, and where they are reached.").required());
}

template <typename V>
void describe(V& v, ProviderEndpoint& p) {
  v(field("baseURL", "Address before /chat/completions or /v1/messages.")
        .required()
        .format(Format::kHttpUrl)
        .length(1, 2048),
    p.base_url);
  v(field("apiKeyRef", "Where the key is read from; absent: no key is sent."), p.api_key_ref);
}

template <typename V>
void describe(V& v, RecordedModel& r) {
  v(field("path", "Recording; relative to the manifest.")
        .required()
        .format(Format::kPath)
        .length(1, limits::kTextBytes),
    r.path);
}

inline constexpr std::int64_t kPriceMax = 1'000'000'000'000;  // A dollar for each token.

template <typename V>
void describe(V& v, Rates& r) {
  v(field("inputMicroUSDPerMTok", "Input.").required().range(0, kPriceMax), r.input);
  v(field("cachedInputMicroUSDPerMTok", "Input from the provider's cache; absent: as input.").range(0, kPriceMax),
    r.cached_input);
  v(field("cacheWriteMicroUSDPerMTok", "Input written to the cache; absent: as input.").range(0, kPriceMax),
    r.cache_write);
  v(field("outputMicroUSDPerMTok", "Output.").required().range(0, kPriceMax), r.output);
  v(field("reasoningMicroUSDPerMTok", "Reasoning; absent: as output.").range(0, kPriceMax), r.reasoning);
}

template <typename V>
void describe(V& v, ModelPrice& p) {
  v(field("model", "Name; * stands for any characters. The first entry that matches counts.")
        .required()
        .format(Format::kLine)
        .length(1, 256),
    p.model);
  describe(v, p.rates);
}

template <typename V>
void describe(V& v, UnknownModelPrice& u) {
  v(field("type", "What a model without a price costs: Refuse, or the ceiling."), u.type);
  v(field("ceiling", "For type Ceiling."), u.ceiling);
  v.union_of("type", {{"Ceiling", "ceiling"}});
}

template <typename V>
void describe(V& v, ProviderTimeouts& t) {
  v(field("connect", "Until the connection stands.").range(milliseconds(10), hours(1)), t.connect);
  v(field("firstByte", "Until the answer begins.").range(milliseconds(10), hours(1)), t.first_byte);
  v(field("idle", "Between two pieces of a stream.").range(milliseconds(10), hours(1)), t.idle);
  v(field("total", "Of one attempt.").range(milliseconds(10), hours(24)), t.total);
}

template <typename V>
void describe(V& v, ModelProviderSpec& s) {
  v(field("type", "Dialect that it speaks, or Recorded.").required(), s.type);
  v(field("openAI", "For type OpenAI: Chat Completions."), s.open_ai);
  v(field("anthropic", "For type Anthropic: Messages."), s.anthropic);
  v(field("recorded", "For type Recorded: answers from a file, no network."), s.recorded);
  v(field("prices", "Micro-USD per million tokens; before the built-in table.")
        .keyed_by("model")
        .items(0, limits::kListItems),
    s.prices);
  v(field("unknownModelPrice", "What a model without a price costs; never nothing."), s.unknown_model_price);
  v(field("timeouts", "How long to wait."), s.timeouts);
  v(field("maxRetries", "Further attempts after the first.").range(0, 10), s.max_retries);
  v.union_of("type", {{"OpenAI", "openAI"}, {"Anthropic", "anthropic"}, {"Recorded", "recorded"}});
}

template <typename V>
void describe(V& v, ModelProviderStatus& s) {
  describe_plain_status(v, s);
}

template <typename V>
void describe(V& v, ModelProvider& m) {
  describe_object(v, m, field("spec", "Where models are reached, with which key, and what they cost.").required());
}

template <typename V>
void describe(V& v, ApprovalAction& a) {
  v(field("tool", "Tool that the agent wants to call.").required().format(Format::kLine).length(1, 128), a.tool);
  v(field("resource", "What it is called on.").length(0, limits::kTextBytes), a.resource);
  v(field("args", "Its arguments."), a.args);
  v(field("hash", "SHA-256 that the grant is bound to.").required().format(Format::kSha256), a.hash);
}

template <typename V>
void describe(V& v, ApprovalSpec& s) {
  v(field("missionRef", "Mission that asks.").required().fixed(), s.mission_ref);
  v(field("runId", "ULID of its run.").required().fixed().format(Format::kRunId), s.run_id);
  v(field("call", "Number of the call in the run.").required().fixed().range(1, INT64_MAX), s.call);
  v(field("action", "What it wants to do.").required().fixed(), s.action);
  v(field("reason", "Why a human is asked.").fixed().length(0, limits::kTextBytes), s.reason);
  v(field("rule", "The rule that asks.").fixed().format(Format::kLine), s.rule);
  v(field("justification", "What the agent says; untrusted.").fixed().length(0, 16384), s.justification);
}

template <typename V>
void describe(V& v, ApprovalStatus& s) {
  v(field("decision", "The answer."), s.decision);
  v(field("scope", "Approved once, or for the rest of the run."), s.scope);
  v(field("by", "Who decided.").format(Format::kLine), s.by);
  v(field("at", "When.").format(Format::kTimestamp), s.at);
  v(field("message", "What whoever decided wants the agent to know.").length(0, limits::kTextBytes), s.message);
  v(field("consumed", "A grant for one call was used."), s.consumed);
}

template <typename V>
void describe(V& v, Approval& a) {
  describe_object(v, a, field("spec", "One question about one action.").required());
}

}  // namespace remit::resource
