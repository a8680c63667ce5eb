// Any bytes as a price table: refused with words, or usable, and never a negative bill.
#include <cstdlib>
#include <string_view>

#include "ledger/price_table.h"

using namespace remit;
using namespace remit::ledger;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto table = PriceTable::parse(text);
  if (!table) {
    if (table.error().message().empty()) std::abort();
    return 0;
  }
  const auto price = table->find("openai", "gpt-4o");
  if (price && cost_of(*price, {.input = INT64_MAX, .output = INT64_MAX}).value < 0) std::abort();
  (void)matches_glob(text, "gpt-4o");
  return 0;
}
