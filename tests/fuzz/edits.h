// Input as edits: random bytes are almost never a valid record, so a fuzzer would test the first comparison
// alone. Here it changes a valid one in places.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kith::fuzz {

/// Triples of place (u16) and byte: `valid` with those bytes put there; where `input` begins with 0 the rest
/// of it as it is.
inline std::vector<std::byte> edited(std::span<const uint8_t> input, std::vector<std::byte> valid) {
  const auto bytes = std::as_bytes(input);
  if (!input.empty() && input[0] == 0) return {bytes.begin() + 1, bytes.end()};
  for (size_t i = 1; i + 3 <= input.size() && !valid.empty(); i += 3)
    valid[static_cast<size_t>(input[i] | input[i + 1] << 8) % valid.size()] = bytes[i + 2];
  return valid;
}

}  // namespace kith::fuzz
