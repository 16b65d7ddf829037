#include "base/crc32c.h"

#include <array>

#include "base/bytes.h"
#include "base/cpu.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#define KITH_CRC_TARGET __attribute__((target("sse4.2")))
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__clang__)
#define KITH_CRC_TARGET __attribute__((target("crc")))
#else
#define KITH_CRC_TARGET __attribute__((target("+crc")))
#endif
#endif

namespace kith {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;

// tables[k][b]: the register after byte b and then k zero bytes ("slicing", Kounavis and Berry, ISCC 2005).
using SliceTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr SliceTables make_slice_tables() {
  SliceTables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (uint32_t b = 0; b < 256; ++b)
    for (size_t k = 1; k < 8; ++k)
      tables[k][b] = (tables[k - 1][b] >> 8) ^ tables[0][tables[k - 1][b] & 0xff];
  return tables;
}

constexpr SliceTables kSlice = make_slice_tables();

uint32_t crc32c_table(std::span<const std::byte> data, uint32_t seed) {
  uint32_t crc = ~seed;
  const std::byte* at = data.data();
  size_t left = data.size();
  for (; left >= 8; left -= 8, at += 8) {
    const uint64_t word = load_le<uint64_t>(at) ^ crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= kSlice[7 - k][(word >> (8 * k)) & 0xff];
  }
  for (; left > 0; --left, ++at) crc = (crc >> 8) ^ kSlice[0][(crc ^ static_cast<uint32_t>(*at)) & 0xff];
  return ~crc;
}

#if defined(KITH_CRC_TARGET)

// The instruction takes three cycles and starts one a cycle, so one stream keeps a third of the unit busy.
// Long data is cut into three neighbouring stripes of kStripe bytes whose registers run side by side; a
// register is moved past the next stripe by the linear map "append kStripe zero bytes", held as four tables
// of 256.
constexpr size_t kStripe = 1024;
using ShiftTables = std::array<std::array<uint32_t, 256>, 4>;

constexpr uint32_t append_zeros(uint32_t crc, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) crc = (crc >> 8) ^ kSlice[0][crc & 0xff];
  return crc;
}

constexpr ShiftTables make_shift_tables() {
  std::array<uint32_t, 32> moved_bit{};
  for (uint32_t bit = 0; bit < 32; ++bit) moved_bit[bit] = append_zeros(uint32_t{1} << bit, kStripe);
  ShiftTables tables{};
  for (uint32_t part = 0; part < 4; ++part)
    for (uint32_t b = 0; b < 256; ++b)
      for (uint32_t bit = 0; bit < 8; ++bit)
        if (((b >> bit) & 1) != 0) tables[part][b] ^= moved_bit[8 * part + bit];
  return tables;
}

constexpr ShiftTables kShift = make_shift_tables();

uint32_t past_stripe(uint32_t crc) {
  return kShift[0][crc & 0xff] ^ kShift[1][(crc >> 8) & 0xff] ^ kShift[2][(crc >> 16) & 0xff] ^
         kShift[3][crc >> 24];
}

#if defined(__x86_64__)
KITH_CRC_TARGET inline uint32_t step8(uint32_t crc, uint64_t word) {
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}
KITH_CRC_TARGET inline uint32_t step1(uint32_t crc, std::byte b) {
  return _mm_crc32_u8(crc, static_cast<uint8_t>(b));
}
bool has_crc_instruction() {
  return cpu_features().sse42;
}
constexpr const char* kHardwareName = "sse4.2";
#else
KITH_CRC_TARGET inline uint32_t step8(uint32_t crc, uint64_t word) {
  return __crc32cd(crc, word);
}
KITH_CRC_TARGET inline uint32_t step1(uint32_t crc, std::byte b) {
  return __crc32cb(crc, static_cast<uint8_t>(b));
}
bool has_crc_instruction() {
  return cpu_features().arm_crc32;
}
constexpr const char* kHardwareName = "arm-crc";
#endif

KITH_CRC_TARGET uint32_t crc32c_hardware(std::span<const std::byte> data, uint32_t seed) {
  uint32_t crc = ~seed;
  const std::byte* at = data.data();
  size_t left = data.size();
  for (; left >= 3 * kStripe; left -= 3 * kStripe, at += 3 * kStripe) {
    uint32_t second = 0, third = 0;
    for (size_t i = 0; i < kStripe; i += 8) {
      crc = step8(crc, load_le<uint64_t>(at + i));
      second = step8(second, load_le<uint64_t>(at + kStripe + i));
      third = step8(third, load_le<uint64_t>(at + 2 * kStripe + i));
    }
    crc = past_stripe(past_stripe(crc) ^ second) ^ third;
  }
  for (; left >= 8; left -= 8, at += 8) crc = step8(crc, load_le<uint64_t>(at));
  for (; left > 0; --left, ++at) crc = step1(crc, *at);
  return ~crc;
}

constexpr Crc32cWay kWays[] = {{"table", crc32c_table}, {kHardwareName, crc32c_hardware}};

#else

bool has_crc_instruction() {
  return false;
}
constexpr Crc32cWay kWays[] = {{"table", crc32c_table}};

#endif

}  // namespace

std::span<const Crc32cWay> crc32c_ways() {
  return std::span(kWays).first(has_crc_instruction() ? 2 : 1);
}

uint32_t crc32c(std::span<const std::byte> data, uint32_t seed) {
  static const auto best = crc32c_ways().back().compute;
  return best(data, seed);
}

}  // namespace kith
