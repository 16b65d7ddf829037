// CRC-32C (Castagnoli, polynomial 0x1EDC6F41, reflected 0x82F63B78; RFC 3720 appendix B.4): the checksum of
// every block that Kith writes. The CPU's own instruction where there is one, three streams at once on long
// blocks; a table else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kith {

/// Checksum of `data`; a checksum of earlier bytes as `seed` continues it: crc(b, crc(a)) == crc(a then b).
uint32_t crc32c(std::span<const std::byte> data, uint32_t seed = 0);

/// The ways to compute it that this machine has. The table is always the first and the reference for tests.
struct Crc32cWay {
  const char* name;
  uint32_t (*compute)(std::span<const std::byte> data, uint32_t seed);
};
std::span<const Crc32cWay> crc32c_ways();

}  // namespace kith
