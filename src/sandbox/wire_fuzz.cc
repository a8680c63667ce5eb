// The parsers on both sides of the spawner's socket: whatever the bytes are, they stay inside them.
#include "sandbox/cgroup/hierarchies.h"
#include "sandbox/wire/reply.h"
#include "sandbox/wire/request.h"

namespace wire = remit::sandbox::wire;

namespace {

// Reads everything that a decoder let through, as the spawner does.
std::size_t touch(const wire::Start& start) {
  std::size_t total = std::strlen(start.cwd);
  for (std::uint32_t i = 0; i < start.argc; ++i) total += std::strlen(start.argv[i]);
  for (std::uint32_t i = 0; i < start.envc; ++i) total += std::strlen(start.env[i]);
  for (std::uint32_t i = 0; i < start.bind_count; ++i) total += std::strlen(start.bind[i].source);
  for (std::uint32_t i = 0; i < start.overlay_count; ++i) {
    for (std::uint32_t k = 0; k < start.overlay[i].lower_count; ++k) total += std::strlen(start.overlay[i].lower[k]);
  }
  if (start.argv[start.argc] != nullptr || start.env[start.envc] != nullptr) __builtin_trap();
  return total;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, std::size_t size) {
  const char* data = reinterpret_cast<const char*>(bytes);
  static wire::Start start;
  if (wire::decode(data, size, start)) (void)touch(start);
  wire::Setup setup;
  (void)wire::decode(data, size, setup);
  wire::Kill kill;
  (void)wire::decode(data, size, kill);
  wire::Ready ready;
  (void)wire::decode(data, size, ready);
  wire::Started started;
  (void)wire::decode(data, size, started);
  wire::Failed failed;
  (void)wire::decode(data, size, failed);
  wire::Done done;
  char again[wire::kReplyBytes];
  if (wire::decode(data, size, done) && wire::encode(done, again, sizeof(again)) != size) __builtin_trap();
  wire::Report report;
  (void)wire::decode(data, size, report);
  const std::string_view text(data, size);
  (void)remit::sandbox::parse_hierarchies(text.substr(0, size / 2), text.substr(size / 2));
  return 0;
}
