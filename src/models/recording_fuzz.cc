// Any bytes as a recording: what is read can be written and read again as the same.
#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "models/recorded_provider.h"

using namespace remit;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto recording = models::Recording::parse({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!recording) return 0;
  const std::string text = recording->to_text();
  const auto again = models::Recording::parse(text, "fuzz");
  if (!again || again->to_text() != text || again->turns().size() != recording->turns().size()) std::abort();
  asio::io_context io;
  const auto provider = models::RecordedProvider::make(io.get_executor(), "fuzz", *again, models::ReplayMode::kStrict);
  if (!provider) return 0;
  auto request = std::make_shared<ModelRequest>();
  request->messages.emplace_back().text = "hello";
  const auto call = (*provider)->start(request, {});
  io.run();
  return 0;
}
