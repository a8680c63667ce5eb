#include "store/log_format.h"

#include <fmt/format.h>

#include "store/internal/bytes.h"
#include "store/internal/crc32c.h"

namespace remit::store {

std::array<char, kLogHeaderBytes> encode_header(const LogHeader& header) {
  std::array<char, kLogHeaderBytes> bytes{};
  kLogMagic.copy(bytes.data(), kLogMagic.size());
  put(bytes.data() + 8, header.format);
  put(bytes.data() + 12, header.schema);
  put(bytes.data() + 16, header.salt);
  put(bytes.data() + 28, crc32c(0, {bytes.data(), 28}));
  return bytes;
}

Result<LogHeader> decode_header(std::string_view bytes, const std::string& path) {
  if (bytes.size() < kLogHeaderBytes || !bytes.starts_with(kLogMagic)) {
    return fail(Code::kDataLoss, fmt::format("{} is not a log of Remit: its header is missing", path));
  }
  LogHeader header;
  header.format = load<std::uint32_t>(bytes.data() + 8);
  header.schema = load<std::uint32_t>(bytes.data() + 12);
  header.salt = load<std::uint64_t>(bytes.data() + 16);
  // The version comes before the checksum: a newer format may compute it differently.
  if (header.format > kLogFormat) {
    return fail(
        Code::kFailedPrecondition,
        fmt::format("{} has log format {}, and this Remit knows formats up to {}; use the newer Remit that wrote it",
                    path, header.format, kLogFormat));
  }
  const bool whole = load<std::uint32_t>(bytes.data() + 28) == crc32c(0, bytes.substr(0, 28));
  if (!whole || header.format == 0 || header.schema == 0) {
    return fail(Code::kDataLoss, fmt::format("{}: the header of the log is damaged (offset 0)", path));
  }
  return header;
}

FrameHead decode_frame_head(const char* bytes) {
  return {load<std::uint32_t>(bytes), load<std::uint32_t>(bytes + 4), load<std::uint64_t>(bytes + 8),
          load<std::uint64_t>(bytes + 16)};
}

std::uint32_t payload_crc(std::uint64_t salt, std::string_view payload) {
  char seed[8];
  put(seed, salt);
  return crc32c(crc32c(0, {seed, sizeof seed}), payload);
}

std::uint32_t frame_crc(std::uint32_t payload_crc, const FrameHead& head) {
  char fields[20];
  put(fields, head.length);
  put(fields + 4, head.sequence);
  put(fields + 12, head.durable);
  return crc32c(payload_crc, {fields, sizeof fields});
}

void append_frame(std::string& out, FrameHead head, std::uint32_t payload_crc, std::string_view payload) {
  head.length = static_cast<std::uint32_t>(payload.size());
  char bytes[kLogFrameBytes];
  put(bytes, frame_crc(payload_crc, head));
  put(bytes + 4, head.length);
  put(bytes + 8, head.sequence);
  put(bytes + 16, head.durable);
  out.append(bytes, sizeof bytes);
  out.append(payload);
}

Result<std::string> LogSchema::migrate(std::uint32_t from, std::string payload) const {
  for (std::uint32_t i = from; i < version(); ++i) {
    auto next = steps[i - 1](payload);
    if (!next) return fail(next.error().wrap(fmt::format("migrate from schema {} to {}", i, i + 1)));
    payload = std::move(*next);
  }
  return payload;
}

}  // namespace remit::store
