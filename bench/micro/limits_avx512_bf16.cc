// The arithmetic of index/distance/avx512_bf16.cc per register of 32 elements: two pair products for the dot
// product (the query is split in two), one more for the norm. The split itself is shared by a group of rows
// and not counted.
#include <immintrin.h>

#include "bench/micro/limits.h"

namespace kith::bench {
namespace {

constexpr int kChains = 12;

template <int kProducts>
uint64_t pair_steps(size_t steps) {
  __m512 sums[kChains] = {};
  for (__m512& sum : sums) asm("" : "+v"(sum));
  __m512i r = _mm512_set1_epi16(0x3f80);
  const __m512i q = _mm512_set1_epi16(0x3f00);
  for (size_t i = 0; i < steps; i += kChains / kProducts) {
    for (int c = 0; c < kChains; c += kProducts) {
      asm("" : "+v"(r));  // a new value as far as the compiler knows, so that nothing is hoisted
      for (int p = 0; p < kProducts; ++p)
        sums[c + p] = _mm512_dpbf16_ps(sums[c + p], (__m512bh)q, (__m512bh)r);
    }
  }
  __m512 total = sums[0];
  for (int c = 1; c < kChains; ++c) total = _mm512_add_ps(total, sums[c]);
  return static_cast<uint64_t>(_mm512_cvtss_f32(total));
}

}  // namespace

Arithmetic avx512_bf16_arithmetic(Metric metric) {
  return metric == Metric::kCosine ? Arithmetic{pair_steps<3>, 64} : Arithmetic{pair_steps<2>, 64};
}

}  // namespace kith::bench
