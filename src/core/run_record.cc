#include "core/run_record.h"

#include "base/strings.h"

namespace remit {

namespace {

json::object to_json_object(const Amounts& amounts) {
  return {{"costMicroUSD", amounts.cost.value}, {"tokens", amounts.tokens}, {"calls", amounts.calls}};
}

Amounts amounts_from_json(const json::object* object) {
  if (!object) return {};
  return {MicroUsd{get_int(*object, "costMicroUSD")}, get_int(*object, "tokens"), get_int(*object, "calls")};
}

std::string text(const json::object& object, std::string_view key) { return std::string(get_string(object, key)); }

std::uint32_t attempt(const json::object& object) { return static_cast<std::uint32_t>(get_int(object, "attempt", 1)); }

Result<Outcome> outcome_member(const json::object& object) {
  const auto* outcome = find_object(object, "outcome");
  if (!outcome) return fail(invalid_argument("run record: outcome is missing"));
  return outcome_from_json(*outcome);
}

// One overload pair per type: write adds the members, and read_as<T> is its inverse.
void write(json::object& o, const RunBegan& b) {
  o["namespace"] = b.mission_namespace, o["name"] = b.mission_name, o["uid"] = b.mission_uid;
  o["generation"] = b.generation, o["mission"] = b.mission, o["source"] = b.source;
  o["recordedModel"] = b.recorded_model, o["live"] = b.live, o["resumed"] = b.resumed;
}
void write(json::object& o, const Proposed& b) { o["action"] = remit::to_json_object(b.action); }
void write(json::object& o, const Judged& b) {
  o["verdict"] = remit::to_json_object(b.verdict), o["decideNs"] = b.decide_ns;
}
void write(json::object& o, const Reserved& b) { o["attempt"] = b.attempt, o["amounts"] = to_json_object(b.amounts); }
void write(json::object& o, const Started& b) { o["attempt"] = b.attempt; }
void write(json::object& o, const Executed& b) {
  o["attempt"] = b.attempt, o["outcome"] = remit::to_json_object(b.outcome), o["layer"] = b.layer;
}
void write(json::object& o, const Settled& b) {
  o["attempt"] = b.attempt, o["outcome"] = remit::to_json_object(b.outcome);
  o["charged"] = to_json_object(b.charged), o["reconciled"] = b.reconciled;
}
void write(json::object& o, const BudgetChanged& b) {
  o["limit"] = to_json_object(b.limit), o["activeLimitNs"] = b.active_limit.count(), o["by"] = b.by;
}
void write(json::object& o, const PhaseChanged& b) {
  o["phase"] = b.phase, o["reason"] = b.reason, o["message"] = b.message;
}
void write(json::object& o, const CheckResult& b) {
  o["name"] = b.name, o["passed"] = b.passed, o["output"] = b.output, o["durationMs"] = b.duration_ms;
}
void write(json::object& o, const RunEnded& b) {
  o["phase"] = b.phase, o["reason"] = b.reason, o["goalMet"] = b.goal_met, o["answer"] = b.answer;
}
void write(json::object& o, const Note& b) { o["message"] = b.message; }

template <typename T>
Result<RecordBody> read_as(const json::object& object);

template <>
Result<RecordBody> read_as<RunBegan>(const json::object& o) {
  RunBegan b{text(o, "namespace"),
             text(o, "name"),
             text(o, "uid"),
             get_int(o, "generation"),
             {},
             text(o, "source"),
             get_bool(o, "recordedModel"),
             get_bool(o, "live"),
             get_bool(o, "resumed")};
  if (const auto* mission = find_object(o, "mission")) b.mission = *mission;
  return b;
}
template <>
Result<RecordBody> read_as<Proposed>(const json::object& o) {
  const auto* object = find_object(o, "action");
  if (!object) return fail(invalid_argument("run record: action is missing"));
  REMIT_TRY(auto action, action_from_json(*object));
  return Proposed{std::move(action)};
}
template <>
Result<RecordBody> read_as<Judged>(const json::object& o) {
  const auto* object = find_object(o, "verdict");
  if (!object) return fail(invalid_argument("run record: verdict is missing"));
  REMIT_TRY(auto verdict, verdict_from_json(*object));
  return Judged{std::move(verdict), get_int(o, "decideNs")};
}
template <>
Result<RecordBody> read_as<Reserved>(const json::object& o) {
  return Reserved{attempt(o), amounts_from_json(find_object(o, "amounts"))};
}
template <>
Result<RecordBody> read_as<Started>(const json::object& o) {
  return Started{attempt(o)};
}
template <>
Result<RecordBody> read_as<Executed>(const json::object& o) {
  REMIT_TRY(auto outcome, outcome_member(o));
  return Executed{attempt(o), std::move(outcome), text(o, "layer")};
}
template <>
Result<RecordBody> read_as<Settled>(const json::object& o) {
  REMIT_TRY(auto outcome, outcome_member(o));
  return Settled{attempt(o), std::move(outcome), amounts_from_json(find_object(o, "charged")),
                 get_bool(o, "reconciled", true)};
}
template <>
Result<RecordBody> read_as<BudgetChanged>(const json::object& o) {
  return BudgetChanged{amounts_from_json(find_object(o, "limit")), Duration(get_int(o, "activeLimitNs")),
                       text(o, "by")};
}
template <>
Result<RecordBody> read_as<PhaseChanged>(const json::object& o) {
  return PhaseChanged{text(o, "phase"), text(o, "reason"), text(o, "message")};
}
template <>
Result<RecordBody> read_as<CheckResult>(const json::object& o) {
  return CheckResult{text(o, "name"), get_bool(o, "passed"), text(o, "output"), get_int(o, "durationMs")};
}
template <>
Result<RecordBody> read_as<RunEnded>(const json::object& o) {
  return RunEnded{text(o, "phase"), text(o, "reason"), get_bool(o, "goalMet"), text(o, "answer")};
}
template <>
Result<RecordBody> read_as<Note>(const json::object& o) {
  return Note{text(o, "message")};
}

struct TypeEntry {
  std::string_view name;
  Result<RecordBody> (*read)(const json::object&);
};

template <typename... T>
constexpr std::array<TypeEntry, sizeof...(T)> type_table(const std::variant<T...>*,
                                                         std::array<std::string_view, sizeof...(T)> names) {
  std::size_t i = 0;
  return {TypeEntry{names[i++], &read_as<T>}...};
}

// In the order of RecordBody's alternatives.
constexpr auto kTypes = type_table(static_cast<const RecordBody*>(nullptr),
                                   {"RunBegan", "Proposed", "Judged", "Reserved", "Started", "Executed", "Settled",
                                    "BudgetChanged", "PhaseChanged", "CheckResult", "RunEnded", "Note"});

}  // namespace

std::string_view type_name(const RecordBody& body) { return kTypes[body.index()].name; }

json::object to_json_object(const RunRecord& record) {
  json::object object{{"seq", record.sequence},
                      {"time", to_rfc3339(record.time)},
                      {"timeUnixNano", unix_nanos(record.time)},
                      {"type", jsv(type_name(record.body))}};
  if (record.call != 0) object["call"] = record.call;
  if (record.parent != 0) object["parent"] = record.parent;
  std::visit([&](const auto& body) { write(object, body); }, record.body);
  return object;
}

Result<RunRecord> run_record_from_json(const json::object& object) {
  const auto type = get_string(object, "type");
  for (const auto& entry : kTypes) {
    if (entry.name != type) continue;
    REMIT_TRY(auto body, entry.read(object));
    return RunRecord{static_cast<std::uint64_t>(get_int(object, "seq")),
                     wall_from_nanos(get_int(object, "timeUnixNano")),
                     static_cast<std::uint64_t>(get_int(object, "call")),
                     static_cast<std::uint64_t>(get_int(object, "parent")), std::move(body)};
  }
  return fail(
      invalid_argument(fmt::format("run record {}: unknown type '{}'", get_int(object, "seq"), printable(type, 40))));
}

}  // namespace remit
