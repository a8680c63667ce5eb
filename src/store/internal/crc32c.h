// CRC-32C (Castagnoli, polynomial 0x1EDC6F41 reflected), as RFC 3720 appendix B.4 defines it. By the processor's
// instruction where there is one.
#pragma once

#include <cstdint>
#include <string_view>

namespace remit::store {

// Continues `crc` (0 at the start) over `bytes`.
std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes);
// The table-driven form, for the test that compares the two.
std::uint32_t crc32c_portable(std::uint32_t crc, std::string_view bytes);

}  // namespace remit::store
