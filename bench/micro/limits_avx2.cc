// Reading with 256-bit registers, and the arithmetic of f32 kernels in them.
#include <immintrin.h>

#include "bench/micro/read_loops.h"

namespace kith::bench {
namespace {

typedef uint64_t Register __attribute__((vector_size(32)));
constexpr int kChains = 12;

template <bool kSubtract>
uint64_t float_steps(size_t steps) {
  __m256 sums[kChains] = {};
  __m256 q = _mm256_set1_ps(1.5f), r = _mm256_set1_ps(0.25f);
  for (size_t i = 0; i < steps; i += kChains) {
    for (__m256& sum : sums) {
      asm("" : "+x"(q));  // a new value as far as the compiler knows, so that nothing is hoisted
      const __m256 a = kSubtract ? _mm256_sub_ps(q, r) : q;
      sum = _mm256_fmadd_ps(a, kSubtract ? a : r, sum);
    }
  }
  __m256 total = sums[0];
  for (int c = 1; c < kChains; ++c) total = _mm256_add_ps(total, sums[c]);
  return static_cast<uint64_t>(_mm256_cvtss_f32(total));
}

Arithmetic arithmetic(Metric metric, ScalarType type) {
  if (type != ScalarType::kF32) return {};
  if (metric == Metric::kL2) return {float_steps<true>, 32};
  if (metric == Metric::kInnerProduct) return {float_steps<false>, 32};
  return {};
}

}  // namespace

const LevelLimits kAvx2Limits = {Reader<Register>::kReads, Reader<Register>::kReadCount, arithmetic};

}  // namespace kith::bench
