// A Spec as the spawner's request. The bytes are those of wire/request.h.
#pragma once

#include <span>
#include <vector>

#include "sandbox/cgroup/bases.h"
#include "sandbox/spec.h"

namespace remit::sandbox {

// Each returns the number of bytes written, 0 when `out` is too small.
std::size_t encode_setup(const CgroupBases& bases, std::span<char> out);
std::size_t encode_start(std::uint64_t id, const Spec& spec, std::span<const int> fd_numbers, std::span<char> out);
std::size_t encode_kill(std::uint64_t id, std::uint8_t why, std::span<char> out);

}  // namespace remit::sandbox
