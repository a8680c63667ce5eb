#include "trace/span.h"

namespace remit::trace {

namespace {

json::object any_value(const json::value& value) {
  if (value.is_string()) return {{"stringValue", value}};
  if (value.is_bool()) return {{"boolValue", value}};
  if (value.is_int64()) return {{"intValue", std::to_string(value.get_int64())}};
  if (value.is_uint64()) return {{"intValue", std::to_string(value.get_uint64())}};
  if (value.is_double()) return {{"doubleValue", value}};
  if (value.is_array()) {
    json::array values;
    for (const auto& element : value.get_array()) values.push_back(any_value(element));
    return {{"arrayValue", {{"values", std::move(values)}}}};
  }
  return {{"stringValue", to_json(value)}};
}

json::array key_values(const json::object& attributes) {
  json::array out;
  for (const auto& each : attributes)
    out.push_back(json::object{{"key", each.key()}, {"value", any_value(each.value())}});
  return out;
}

json::object to_json_object(const Span& span) {
  json::array events;
  for (const auto& event : span.events) {
    events.push_back(json::object{{"timeUnixNano", std::to_string(unix_nanos(event.time))},
                                  {"name", event.name},
                                  {"attributes", key_values(event.attributes)}});
  }
  json::object status;
  if (span.status != SpanStatus::kUnset) status["code"] = static_cast<int>(span.status);
  if (!span.status_message.empty()) status["message"] = span.status_message;
  return {{"traceId", span.trace_id},
          {"spanId", span.span_id},
          {"parentSpanId", span.parent_span_id},
          {"flags", 1},
          {"name", span.name},
          {"kind", static_cast<int>(span.kind)},
          {"startTimeUnixNano", std::to_string(unix_nanos(span.start))},
          {"endTimeUnixNano", std::to_string(unix_nanos(span.end))},
          {"attributes", key_values(span.attributes)},
          {"events", std::move(events)},
          {"status", std::move(status)}};
}

}  // namespace

json::object to_otlp_json(const std::vector<Span>& spans, const std::string& service_version) {
  json::array encoded;
  for (const auto& span : spans) encoded.push_back(to_json_object(span));
  const json::object scope{{"name", "remit"}, {"version", service_version}};
  const json::object resource{
      {"attributes", key_values({{"service.name", "remit"}, {"service.version", service_version}})}};
  return {{"resourceSpans",
           json::array{json::object{{"resource", resource},
                                    {"scopeSpans", json::array{json::object{{"scope", scope}, {"spans", encoded}}}}}}}};
}

}  // namespace remit::trace
