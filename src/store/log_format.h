// The bytes of a log file, version 1. All integers are little-endian.
//
//   header   "REMITLOG" | u32 format | u32 schema | u64 salt | u32 reserved (0) | u32 CRC32C of the 28 bytes before
//   frame    u32 CRC32C | u32 length | u64 sequence | u64 durable | payload[length]
//
// `sequence` counts from 1 without gaps. `durable` is a sequence that was known to be on the disk when the frame was
// made: it tells a torn tail (frames that nobody was promised, to be cut) from damage in the middle (frames that were
// acknowledged, to be reported). The CRC covers salt, payload, length, sequence and durable. The salt is random per
// file, so neither a payload that imitates a frame nor old blocks of the disk can pass for a frame of this file. An
// empty payload is no frame: zeroes are never valid.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace remit::store {

inline constexpr std::string_view kLogMagic = "REMITLOG";
inline constexpr std::uint32_t kLogFormat = 1;
inline constexpr std::size_t kLogHeaderBytes = 32;
inline constexpr std::size_t kLogFrameBytes = 24;          // Without the payload.
inline constexpr std::size_t kLogRecordBytes = 16u << 20;  // The largest payload.

struct LogHeader {
  std::uint32_t format = kLogFormat;
  std::uint32_t schema = 1;
  std::uint64_t salt = 0;
};

std::array<char, kLogHeaderBytes> encode_header(const LogHeader& header);
// kDataLoss when it is not the header of a log; kFailedPrecondition when a newer Remit wrote it.
Result<LogHeader> decode_header(std::string_view bytes, const std::string& path);

struct FrameHead {
  std::uint32_t crc = 0;
  std::uint32_t length = 0;
  std::uint64_t sequence = 0;
  std::uint64_t durable = 0;
};

FrameHead decode_frame_head(const char* bytes);
// The part of a frame's CRC that only the payload decides; frame_crc() finishes it.
std::uint32_t payload_crc(std::uint64_t salt, std::string_view payload);
std::uint32_t frame_crc(std::uint32_t payload_crc, const FrameHead& head);
void append_frame(std::string& out, FrameHead head, std::uint32_t payload_crc, std::string_view payload);

// What the payloads of a log mean. `steps[i]` turns a payload of schema i+1 into one of schema i+2; there are version-1
// of them.
struct LogSchema {
  using Step = std::function<Result<std::string>(std::string_view payload)>;
  std::vector<Step> steps;

  std::uint32_t version() const { return static_cast<std::uint32_t>(steps.size()) + 1; }
  // The payload as the newest schema has it.
  Result<std::string> migrate(std::uint32_t from, std::string payload) const;
};

}  // namespace remit::store
