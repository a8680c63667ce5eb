// Any bytes as a log: reading ends, records come in sequence, and what open() leaves can be written on and read again.
#include <cstdlib>

#include "store/log.h"
#include "store/log_reader.h"
#include "store/simulated_file_system.h"

using namespace remit;
using namespace remit::store;

static std::uint64_t read_to_end(FileSystem& files, const std::string& path, bool& damaged) {
  auto reader = LogReader::open(files, path);
  damaged = !reader;
  if (!reader) return 0;
  for (std::uint64_t expected = 1;; ++expected) {
    auto record = reader->next();
    damaged = !record;
    if (!record || !*record) return expected - 1;
    if ((*record)->sequence != expected || (*record)->payload.empty()) std::abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  // The first byte chooses whether the input has its own header, or gets a good one in front.
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] & 1) {
    const auto header = encode_header({});
    bytes.insert(0, header.data(), header.size());
  }
  const std::string path = "/log";
  SimulatedFileSystem files(1);
  files.set_contents(path, bytes);
  bool damaged = false;
  const std::uint64_t count = read_to_end(files, path, damaged);
  SeededRng rng(1);
  {
    auto log = Log::open(files, path, rng);
    if (log.has_value() == damaged) std::abort();
    if (!log) return 0;
    if ((*log)->last_sequence() != count || (*log)->append("x").value() != count + 1 || !(*log)->close()) std::abort();
  }
  if (read_to_end(files, path, damaged) != count + 1 || damaged) std::abort();
  return 0;
}
