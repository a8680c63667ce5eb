// Span: one node of a run's trace, in OpenTelemetry's terms. A plain value. Times are wall time; ids are lower-case
// hexadecimal (W3C Trace Context).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace remit::trace {

enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3 };  // OTLP's numbers.
enum class SpanStatus : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

struct SpanEvent {
  WallTime time{};
  std::string name;
  json::object attributes;
};

struct Span {
  std::string trace_id, span_id, parent_span_id;
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  WallTime start{}, end{};
  bool open = false;        // Has not ended: `end` is the latest time known.
  json::object attributes;  // Values are strings, integers, booleans, doubles or arrays of strings.
  std::vector<SpanEvent> events;
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;
  std::uint64_t call = 0;  // Number of the call in its run; 0: the run itself.
};

// OTLP's JSON encoding of one ExportTraceServiceRequest (opentelemetry-proto 1.x: ids in hex, times and 64-bit integers
// as decimal strings).
json::object to_otlp_json(const std::vector<Span>& spans, const std::string& service_version);

}  // namespace remit::trace
