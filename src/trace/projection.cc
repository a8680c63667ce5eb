#include "trace/projection.h"

#include <fmt/format.h>

#include "base/strings.h"

namespace remit::trace {

namespace {

void put_verdict(json::object& attributes, const Verdict& verdict) {
  attributes["remit.verdict.decision"] = jsv(to_string(verdict.decision));
  attributes["remit.verdict.layer"] = verdict.layer;
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) attributes[key] = value;
  };
  put("remit.verdict.rule", verdict.rule);
  put("remit.verdict.reason", verdict.reason);
  put("remit.verdict.source", verdict.source);
  put("remit.verdict.approval", verdict.approval);
  if (verdict.audit_only) attributes["remit.verdict.audit_only"] = true;
}

void put_usage(json::object& attributes, const Usage& usage) {
  attributes["gen_ai.usage.input_tokens"] = usage.input;
  attributes["gen_ai.usage.output_tokens"] = usage.output;
  if (usage.cached_input > 0) attributes["gen_ai.usage.cache_read.input_tokens"] = usage.cached_input;
  if (usage.cache_write > 0) attributes["gen_ai.usage.cache_creation.input_tokens"] = usage.cache_write;
  if (usage.reasoning > 0) attributes["remit.usage.reasoning_tokens"] = usage.reasoning;
}

void put_sandbox(json::object& attributes, const SandboxReport& sandbox) {
  attributes["remit.sandbox.tier"] = sandbox.tier;
  attributes["remit.sandbox.create_us"] = sandbox.create_us;
  attributes["remit.sandbox.run_us"] = sandbox.run_us;
  attributes["remit.sandbox.ended_by"] = sandbox.ended_by;
  attributes["remit.sandbox.exit_code"] = sandbox.exit_code;
}

std::string error_type(const Verdict& verdict) {
  switch (verdict.decision) {
    case Decision::kAsk: return "remit.ask";
    case Decision::kUnavailable: return "remit.unavailable";
    default: return "remit.denied";
  }
}

constexpr std::size_t kReasonBytes = 2000;  // Of the model's own words in one attribute.

}  // namespace

std::string Projection::id_of(std::uint64_t call) const {
  CallContext context;
  context.run = run_, context.call = call;
  return context.span_id();
}

void Projection::add(const RunRecord& record) {
  last_ = record.time;
  if (const auto* began = std::get_if<RunBegan>(&record.body)) begin(record, *began);
  if (const auto* proposed = std::get_if<Proposed>(&record.body)) propose(record, *proposed);
  if (const auto* judged = std::get_if<Judged>(&record.body)) judge(record, *judged);
  if (const auto* settled = std::get_if<Settled>(&record.body)) settle(record, *settled);
  if (const auto* ended = std::get_if<RunEnded>(&record.body)) end(record, *ended);
  if (const auto* phase = std::get_if<PhaseChanged>(&record.body)) {
    event(record, "remit.phase", {{"remit.phase", phase->phase}, {"remit.phase.reason", phase->reason}});
  }
  if (const auto* note = std::get_if<Note>(&record.body); note && record.call == 0)
    event(record, "remit.note", {{"remit.note", note->message}});
  if (const auto* check = std::get_if<CheckResult>(&record.body)) {
    event(record, "remit.check", {{"remit.check.name", check->name}, {"remit.check.passed", check->passed}});
  }
}

void Projection::begin(const RunRecord& record, const RunBegan& began) {
  if (began.resumed) return event(record, "remit.resumed", {});
  Span span{run_.to_hex(), id_of(0), "", "invoke_agent " + began.mission_name};
  span.start = record.time, span.open = true;
  span.attributes = {{"gen_ai.operation.name", "invoke_agent"},
                     {"gen_ai.agent.name", began.mission_name},
                     {"gen_ai.agent.id", began.mission_uid},
                     {"gen_ai.conversation.id", run_.to_string()},
                     {"remit.mission.namespace", began.mission_namespace},
                     {"remit.mission.generation", began.generation},
                     {"remit.model.recorded", began.recorded_model}};
  if (const auto* spec = find_object(began.mission, "spec")) span.attributes["remit.goal"] = get_string(*spec, "goal");
  spans_[0] = std::move(span);
}

void Projection::propose(const RunRecord& record, const Proposed& proposed) {
  const Action& action = proposed.action;
  Span span{run_.to_hex(), id_of(record.call), id_of(record.parent)};
  span.start = record.time, span.open = true, span.call = record.call;
  if (action.kind == ActionKind::kModelCall) {
    span.name = "chat " + action.resource;
    span.kind = SpanKind::kClient;
    span.attributes = {{"gen_ai.operation.name", "chat"},
                       {"gen_ai.provider.name", get_string(action.args, "provider")},
                       {"gen_ai.request.model", get_string(action.args, "model")}};
  } else {
    span.name = "execute_tool " + action.tool;
    span.attributes = {{"gen_ai.operation.name", "execute_tool"},
                       {"gen_ai.tool.name", action.tool},
                       {"gen_ai.tool.type", "function"},
                       {"remit.action.resource", action.resource},
                       {"remit.action.effect", jsv(to_string(action.effect))}};
    if (!action.provider_call_id.empty()) span.attributes["gen_ai.tool.call.id"] = action.provider_call_id;
  }
  span.attributes["remit.action.kind"] = jsv(to_string(action.kind));
  span.attributes["remit.action.channel"] = action.channel;
  span.attributes["remit.call"] = record.call;
  if (!action.justification.empty()) span.attributes["remit.justification"] = action.justification;
  spans_[record.call] = std::move(span);
}

void Projection::judge(const RunRecord& record, const Judged& judged) {
  auto& span = spans_[record.call];
  put_verdict(span.attributes, judged.verdict);
  span.attributes["remit.verdict.decide_ns"] = judged.decide_ns;
  // A nested file action has no Settled of its own: its verdict is its end.
  const bool is_file = get_string(span.attributes, "remit.action.kind") == "FileChange";
  if (judged.verdict.allows() && !is_file) return;
  span.end = record.time, span.open = false;
  if (judged.verdict.allows()) return;
  span.status = SpanStatus::kError;
  span.status_message = judged.verdict.reason;
  span.attributes["error.type"] = error_type(judged.verdict);
}

void Projection::settle(const RunRecord& record, const Settled& settled) {
  auto& span = spans_[record.call];
  const Outcome& outcome = settled.outcome;
  span.end = record.time, span.open = false;
  span.attributes["remit.cost.micro_usd"] = settled.charged.cost.value;
  cost_ += settled.charged.cost.value, input_ += outcome.usage.input, output_ += outcome.usage.output;
  if (!settled.reconciled) span.attributes["remit.cost.unreconciled"] = true;
  if (const auto& response = outcome.response) {
    put_usage(span.attributes, outcome.usage);
    span.attributes["gen_ai.response.finish_reasons"] = json::array{jsv(to_string(response->stop))};
    if (!response->model.empty()) span.attributes["gen_ai.response.model"] = response->model;
    if (!response->request_id.empty()) span.attributes["gen_ai.response.id"] = response->request_id;
    const auto& said = response->message.reasoning.empty() ? response->message.text : response->message.reasoning;
    if (!said.empty())
      span.attributes["remit.reasoning"] = to_valid_utf8(std::string_view(said).substr(0, kReasonBytes));
  }
  if (outcome.sandbox) put_sandbox(span.attributes, *outcome.sandbox);
  if (!outcome.changes.empty()) span.attributes["remit.files.changed"] = outcome.changes.size();
  span.status = outcome.ok ? SpanStatus::kOk : SpanStatus::kError;
  if (!outcome.ok && outcome.error) {
    span.status_message = outcome.error->message();
    span.attributes["error.type"] = jsv(to_string(outcome.error->code()));
  }
}

void Projection::end(const RunRecord& record, const RunEnded& ended) {
  auto& span = spans_[0];
  span.end = record.time, span.open = false;
  span.attributes["remit.phase"] = ended.phase;
  span.attributes["remit.phase.reason"] = ended.reason;
  span.attributes["remit.goal.met"] = ended.goal_met;
  span.status = ended.goal_met ? SpanStatus::kOk : SpanStatus::kError;
  if (!ended.goal_met) span.attributes["error.type"] = "remit.goal_not_met";
}

void Projection::event(const RunRecord& record, std::string name, json::object attributes) {
  if (const auto run = spans_.find(0); run != spans_.end())
    run->second.events.push_back({record.time, std::move(name), std::move(attributes)});
}

std::vector<Span> Projection::spans() const {
  std::vector<Span> spans;
  for (const auto& [call, span] : spans_) {
    spans.push_back(span);
    auto& copy = spans.back();
    if (copy.open) copy.end = last_;
    if (call != 0) continue;
    copy.attributes["gen_ai.usage.input_tokens"] = input_;
    copy.attributes["gen_ai.usage.output_tokens"] = output_;
    copy.attributes["remit.cost.micro_usd"] = cost_;
  }
  return spans;
}

}  // namespace remit::trace
