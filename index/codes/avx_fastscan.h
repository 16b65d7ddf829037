// What FastScan's AVX2 and AVX-512 sources share: the 32 sums of a block in two registers. Internal linkage,
// see kernels.h.
#pragma once

#ifdef __AVX2__
#include <immintrin.h>

#include "index/codes/fastscan_loops.h"

namespace kith::kernels {
namespace {

/// 16-bit sums of codes 0..15 and 16..31.
struct SumsOf32 {
  __m256i low, high;
};

/// From sums over 16-bit lanes of two codes each: `both` of the lanes as they are (first code + 256 * second,
/// modulo 2^16), `second` of their upper bytes.
inline SumsOf32 ordered(__m256i both, __m256i second) {
  const __m256i first = _mm256_sub_epi16(both, _mm256_slli_epi16(second, 8));
  const __m256i a = _mm256_unpacklo_epi16(first, second);  // codes 0..7 and 16..23
  const __m256i b = _mm256_unpackhi_epi16(first, second);  // codes 8..15 and 24..31
  return {_mm256_permute2x128_si256(a, b, 0x20), _mm256_permute2x128_si256(a, b, 0x31)};
}

inline void store_sums(const SumsOf32& sums, uint16_t* out) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), sums.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16), sums.high);
}

}  // namespace
}  // namespace kith::kernels
#endif
