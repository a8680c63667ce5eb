// The price table that comes with Remit, as PriceTable::parse() reads it.
#pragma once

#include <string_view>

namespace remit::ledger {

extern const std::string_view kBuiltInPrices;

}  // namespace remit::ledger
