// Reading with 512-bit registers, and the arithmetic of the kernels: floats of all widths, VNNI bytes, bits.
// The counts of instructions per register are those of the formulas in index/distance/float_kernels.h,
// avx512_bf16.cc and avx512_vnni.cc; horizontal sums and what is done once per query are not counted.
#include <immintrin.h>

#include "base/cpu.h"
#include "bench/micro/read_loops.h"

namespace kith::bench {
namespace {

typedef uint64_t Register __attribute__((vector_size(64)));
constexpr int kChains = 12;

inline void hide(__m512& x) {
  asm("" : "+v"(x));
}  // a new value as far as the compiler knows
inline void hide(__m512i& x) {
  asm("" : "+v"(x));
}

uint64_t fold_floats(const __m512 (&sums)[kChains]) {
  __m512 total = sums[0];
  for (int c = 1; c < kChains; ++c) total = _mm512_add_ps(total, sums[c]);
  return static_cast<uint64_t>(_mm512_cvtss_f32(total));
}

template <bool kSubtract>
uint64_t float_steps(size_t steps) {
  __m512 sums[kChains] = {};
  for (__m512& sum : sums) hide(sum);
  __m512 q = _mm512_set1_ps(1.5f), r = _mm512_set1_ps(0.25f);
  for (size_t i = 0; i < steps; i += kChains) {
    for (__m512& sum : sums) {
      hide(q);
      const __m512 a = kSubtract ? _mm512_sub_ps(q, r) : q;
      sum = _mm512_fmadd_ps(a, kSubtract ? a : r, sum);
    }
  }
  return fold_floats(sums);
}

/// What makes 16 floats of 16 short ones.
struct FromF16 {
  static __m512 widen(__m256i halves) { return _mm512_cvtph_ps(halves); }
};
struct FromBf16 {
  static __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
};

inline void hide(__m256i& x) {
  asm("" : "+v"(x));
}

/// One widening, one subtraction where kSubtract, one product of q and r, and one of r with itself where
/// kNorm.
template <typename From, bool kSubtract, bool kNorm>
uint64_t short_float_steps(size_t steps) {
  constexpr int kPerStep = kNorm ? 2 : 1;
  __m512 sums[kChains] = {};
  for (__m512& sum : sums) hide(sum);
  __m512 q = _mm512_set1_ps(1.5f);
  __m256i halves = _mm256_set1_epi16(0x3c00);
  for (size_t i = 0; i < steps; i += kChains / kPerStep) {
    for (int c = 0; c < kChains; c += kPerStep) {
      hide(halves);
      const __m512 r = From::widen(halves);
      const __m512 a = kSubtract ? _mm512_sub_ps(q, r) : q;
      sums[c] = _mm512_fmadd_ps(a, kSubtract ? a : r, sums[c]);
      if constexpr (kNorm) sums[c + 1] = _mm512_fmadd_ps(r, r, sums[c + 1]);
    }
  }
  return fold_floats(sums);
}

uint64_t cosine_steps(size_t steps) {
  __m512 sums[kChains] = {};
  for (__m512& sum : sums) hide(sum);
  __m512 q = _mm512_set1_ps(1.5f), r = _mm512_set1_ps(0.25f);
  for (size_t i = 0; i < steps; i += kChains / 2) {
    for (int c = 0; c < kChains; c += 2) {
      hide(r);
      sums[c] = _mm512_fmadd_ps(q, r, sums[c]);
      sums[c + 1] = _mm512_fmadd_ps(r, r, sums[c + 1]);
    }
  }
  return fold_floats(sums);
}

uint64_t fold(const __m512i (&sums)[kChains]) {
  __m512i total = sums[0];
  for (int c = 1; c < kChains; ++c) total = _mm512_add_epi32(total, sums[c]);
  return static_cast<uint64_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(total)));
}

/// One flip of the top bit where the formula has one, and kProducts vpdpbusd.
template <bool kFlip, int kProducts>
uint64_t byte_steps(size_t steps) {
  __m512i sums[kChains] = {};
  for (__m512i& sum : sums) hide(sum);  // else equal chains would be one
  __m512i q = _mm512_set1_epi8(3), r = _mm512_set1_epi8(5);
  const __m512i top = _mm512_set1_epi8(-128);
  for (size_t i = 0; i < steps; i += kChains / kProducts) {
    for (int c = 0; c + kProducts <= kChains; c += kProducts) {
      hide(r);
      const __m512i u = kFlip ? _mm512_xor_si512(r, top) : r;
      for (int p = 0; p < kProducts; ++p) sums[c + p] = _mm512_dpbusd_epi32(sums[c + p], u, q);
    }
  }
  return fold(sums);
}

uint64_t bit_steps(size_t steps) {
  __m512i sums[kChains] = {};
  for (__m512i& sum : sums) hide(sum);  // else equal chains would be one
  __m512i q = _mm512_set1_epi8(3), r = _mm512_set1_epi8(5);
  for (size_t i = 0; i < steps; i += kChains) {
    for (__m512i& sum : sums) {
      hide(r);
      sum = _mm512_add_epi32(sum, _mm512_popcnt_epi32(_mm512_xor_si512(q, r)));
    }
  }
  return fold(sums);
}

Arithmetic byte_arithmetic(Metric metric, ScalarType type) {
  const bool is_signed = type == ScalarType::kI8;
  switch (metric) {
    case Metric::kL2:
      return {byte_steps<true, 3>, 64};
    case Metric::kInnerProduct:
      return is_signed ? Arithmetic{byte_steps<true, 1>, 64} : Arithmetic{byte_steps<false, 2>, 64};
    case Metric::kCosine:
      return {byte_steps<true, 3>, 64};
    default:
      return {};
  }
}

template <typename From>
Arithmetic short_float_arithmetic(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return {short_float_steps<From, true, false>, 32};
    case Metric::kInnerProduct:
      return {short_float_steps<From, false, false>, 32};
    case Metric::kCosine:
      return {short_float_steps<From, false, true>, 32};
    default:
      return {};
  }
}

Arithmetic arithmetic(Metric metric, ScalarType type) {
  const bool vnni = cpu_features().avx512vnni, popcnt = cpu_features().avx512vpopcntdq;
  if (type == ScalarType::kF32 && metric == Metric::kL2) return {float_steps<true>, 64};
  if (type == ScalarType::kF32 && metric == Metric::kInnerProduct) return {float_steps<false>, 64};
  if (type == ScalarType::kF32 && metric == Metric::kCosine) return {cosine_steps, 64};
  if (type == ScalarType::kF16) return short_float_arithmetic<FromF16>(metric);
  // Inner product and cosine of bf16 are pair products where the CPU has them: limits_avx512_bf16.cc.
  if (type == ScalarType::kBF16) {
    const bool pairs = cpu_features().avx512bf16 && metric != Metric::kL2;
    return pairs ? avx512_bf16_arithmetic(metric) : short_float_arithmetic<FromBf16>(metric);
  }
  if (type == ScalarType::kBit) return popcnt ? Arithmetic{bit_steps, 64} : Arithmetic{};
  if (type == ScalarType::kI8 || type == ScalarType::kU8)
    return vnni ? byte_arithmetic(metric, type) : Arithmetic{};
  return {};
}

}  // namespace

const LevelLimits kAvx512Limits = {Reader<Register>::kReads, Reader<Register>::kReadCount, arithmetic};

}  // namespace kith::bench
