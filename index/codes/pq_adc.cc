#include "index/codes/pq_adc.h"

#include <cstring>
#include <limits>

namespace kith {
namespace {

/// Rows whose codes are asked for before they are used.
constexpr size_t kAhead = 16;

struct Bits8 {
  static constexpr uint32_t kPerByte = 1, kFloatsPerByte = 256;
  static float entry(const float* table, uint32_t byte) { return table[byte]; }
};
struct Bits4 {
  static constexpr uint32_t kPerByte = 2, kFloatsPerByte = 32;
  static float entry(const float* table, uint32_t byte) { return table[byte & 15] + table[16 + (byte >> 4)]; }
};

/// Byte b goes to sum b % 8: eight chains of additions, which the compiler keeps in registers of four or
/// eight.
template <typename Bits>
[[gnu::always_inline]] inline float sum_of(const float* table, const uint8_t* code, uint32_t subvectors) {
  float sums[8] = {};
  uint32_t bytes = subvectors / Bits::kPerByte;
  for (; bytes >= 8; bytes -= 8, code += 8, table += 8 * Bits::kFloatsPerByte)
    for (uint32_t b = 0; b < 8; ++b) sums[b] += Bits::entry(table + b * Bits::kFloatsPerByte, code[b]);
  for (uint32_t b = 0; b < bytes; ++b, table += Bits::kFloatsPerByte) sums[b] += Bits::entry(table, code[b]);
  if (subvectors % Bits::kPerByte != 0) sums[7] += table[code[bytes]];
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

template <typename Bits>
void distances(const void* query, const void* const* rows, size_t count, float* out) {
  const auto* prepared = static_cast<const std::byte*>(query);
  PqQueryHeader header;
  std::memcpy(&header, prepared, sizeof header);
  const auto* table = reinterpret_cast<const float*>(prepared + kPqTableOffset);
  for (size_t i = 0; i < count && i < kAhead; ++i) __builtin_prefetch(rows[i]);
  for (size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(rows[i + kAhead]);
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    const float sum = sum_of<Bits>(table, static_cast<const uint8_t*>(rows[i]), header.subvectors);
    out[i] = sum < kInfinity ? sum : kInfinity;  // NaN, too
  }
}

}  // namespace

void pq_distances_8(const void* query, const void* const* rows, size_t count, uint32_t, float* out) {
  distances<Bits8>(query, rows, count, out);
}

void pq_distances_4(const void* query, const void* const* rows, size_t count, uint32_t, float* out) {
  distances<Bits4>(query, rows, count, out);
}

}  // namespace kith
