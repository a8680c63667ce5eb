#include "sandbox/wire/reply.h"

namespace remit::sandbox::wire {

namespace {

Writer begin(ReplyType type, char* data, std::size_t capacity) {
  Writer out(data, capacity);
  out.u8(static_cast<std::uint8_t>(type));
  return out;
}

std::size_t end(const Writer& out) { return out.ok() ? out.size() : 0; }

bool is_type(Reader& in, ReplyType type) { return in.u8() == static_cast<std::uint8_t>(type); }

}  // namespace

std::size_t encode(const Ready& value, char* data, std::size_t capacity) {
  Writer out = begin(ReplyType::kReady, data, capacity);
  out.u8(value.stage);
  out.u32(value.error);
  return end(out);
}

std::size_t encode(const Started& value, char* data, std::size_t capacity) {
  Writer out = begin(ReplyType::kStarted, data, capacity);
  out.u64(value.id);
  out.u64(value.at_ns);
  return end(out);
}

std::size_t encode(const Failed& value, char* data, std::size_t capacity) {
  Writer out = begin(ReplyType::kFailed, data, capacity);
  out.u64(value.id);
  out.u8(value.stage);
  out.u32(value.error);
  return end(out);
}

std::size_t encode(const Done& value, char* data, std::size_t capacity) {
  Writer out = begin(ReplyType::kDone, data, capacity);
  out.u64(value.id);
  out.u8(value.cause);
  out.u8(value.why);
  out.u8(value.has_status);
  out.u8(value.quota_full);
  out.u32(value.status);
  out.u64(value.ended_ns);
  out.u64(value.gone_ns);
  out.u64(value.cpu_us);
  out.u64(value.peak_memory_bytes);
  out.u32(value.oom_kills);
  out.u32(value.refused_forks);
  return end(out);
}

std::uint8_t reply_type(const char* data, std::size_t size) {
  return size > 0 && data[0] >= 1 && data[0] <= 4 ? static_cast<std::uint8_t>(data[0]) : 0;
}

bool decode(const char* data, std::size_t size, Ready& out) {
  Reader in(data, size);
  if (!is_type(in, ReplyType::kReady)) return false;
  out.stage = in.u8();
  out.error = in.u32();
  return in.at_end() && out.stage <= static_cast<std::uint8_t>(Stage::kLast) && out.error < 4096;
}

bool decode(const char* data, std::size_t size, Started& out) {
  Reader in(data, size);
  if (!is_type(in, ReplyType::kStarted)) return false;
  out.id = in.u64();
  out.at_ns = in.u64();
  return in.at_end();
}

bool decode(const char* data, std::size_t size, Failed& out) {
  Reader in(data, size);
  if (!is_type(in, ReplyType::kFailed)) return false;
  out.id = in.u64();
  out.stage = in.u8();
  out.error = in.u32();
  return in.at_end() && out.stage <= static_cast<std::uint8_t>(Stage::kLast) && out.error < 4096;
}

bool decode(const char* data, std::size_t size, Done& out) {
  Reader in(data, size);
  if (!is_type(in, ReplyType::kDone)) return false;
  out.id = in.u64();
  out.cause = in.u8();
  out.why = in.u8();
  out.has_status = in.u8() != 0;
  out.quota_full = in.u8() != 0;
  out.status = in.u32();
  out.ended_ns = in.u64();
  out.gone_ns = in.u64();
  out.cpu_us = in.u64();
  out.peak_memory_bytes = in.u64();
  out.oom_kills = in.u32();
  out.refused_forks = in.u32();
  return in.at_end() && out.cause <= static_cast<std::uint8_t>(Cause::kLast) && out.status <= 0xffff;
}

bool decode(const char* data, std::size_t size, Report& out) {
  if (size != sizeof(out)) return false;
  std::memcpy(&out, data, sizeof(out));
  return out.kind >= Report::kStarted && out.kind <= Report::kExit &&
         out.stage <= static_cast<std::uint8_t>(Stage::kLast) && out.error < 4096 && out.status <= 0xffff;
}

}  // namespace remit::sandbox::wire
