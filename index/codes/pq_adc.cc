#include "index/codes/pq_adc.h"

#include <cstring>
#include <limits>

namespace kith {
namespace {

/// Rows whose codes are asked for before they are used.
constexpr size_t kAhead = 16;
/// Rows at a time: each is a chain of additions of its own.
constexpr size_t kRows = 4;

struct Bits8 {
  static constexpr uint32_t kPerByte = 1, kCentroids = 256;
  static float sum(const float* table, uint32_t byte) { return table[byte]; }
};
struct Bits4 {
  static constexpr uint32_t kPerByte = 2, kCentroids = 16;
  static float sum(const float* table, uint32_t byte) { return table[byte & 15] + table[16 + (byte >> 4)]; }
};

/// Sums of N codes, eight bytes a load.
template <typename Bits, size_t N>
[[gnu::always_inline]] inline void sums_of(const float* table, uint32_t subvectors, const void* const* rows,
                                           float* out) {
  constexpr uint32_t kStep = Bits::kPerByte * Bits::kCentroids;  // of the table per byte
  const uint32_t bytes = subvectors / Bits::kPerByte;
  float sums[N] = {};
  uint32_t b = 0;
  for (; b + 8 <= bytes; b += 8, table += 8 * kStep) {
    uint64_t words[N];
    for (size_t n = 0; n < N; ++n) std::memcpy(&words[n], static_cast<const uint8_t*>(rows[n]) + b, 8);
    for (uint32_t i = 0; i < 8; ++i)
      for (size_t n = 0; n < N; ++n) sums[n] += Bits::sum(table + i * kStep, words[n] >> 8 * i & 255);
  }
  for (; b < bytes; ++b, table += kStep)
    for (size_t n = 0; n < N; ++n) sums[n] += Bits::sum(table, static_cast<const uint8_t*>(rows[n])[b]);
  if (subvectors % Bits::kPerByte != 0)
    for (size_t n = 0; n < N; ++n) sums[n] += table[static_cast<const uint8_t*>(rows[n])[b]];
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (size_t n = 0; n < N; ++n) out[n] = sums[n] < kInfinity ? sums[n] : kInfinity;  // NaN, too
}

template <typename Bits>
void distances(const void* query, const void* const* rows, size_t count, float* out) {
  const auto* prepared = static_cast<const std::byte*>(query);
  PqQueryHeader header;
  std::memcpy(&header, prepared, sizeof header);
  const auto* table = reinterpret_cast<const float*>(prepared + kPqTableOffset);
  for (size_t i = 0; i < count && i < kAhead; ++i) __builtin_prefetch(rows[i]);
  size_t i = 0;
  for (; i + kRows <= count; i += kRows) {
    for (size_t n = i + kAhead; n < i + kAhead + kRows && n < count; ++n) __builtin_prefetch(rows[n]);
    sums_of<Bits, kRows>(table, header.subvectors, rows + i, out + i);
  }
  for (; i < count; ++i) sums_of<Bits, 1>(table, header.subvectors, rows + i, out + i);
}

}  // namespace

void pq_distances_8(const void* query, const void* const* rows, size_t count, uint32_t, float* out) {
  distances<Bits8>(query, rows, count, out);
}

void pq_distances_4(const void* query, const void* const* rows, size_t count, uint32_t, float* out) {
  distances<Bits4>(query, rows, count, out);
}

}  // namespace kith
