// AVX2 with FMA and F16C: 8 floats a step, tails masked (f32) or copied (16-bit types).
#include <immintrin.h>
#include <string.h>

#include "index/distance/float_kernels.h"

namespace kith::kernels {
namespace {

/// Loading from kMask + 8 - n gives n lanes set.
alignas(32) constexpr int32_t kMask[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};

inline __m256 load_floats_tail(const float* p, uint32_t n) {
  return _mm256_maskload_ps(p, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kMask + 8 - n)));
}

inline __m128 fold(__m256 s) {
  return _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
}

inline __m128 sums_of_4(const __m256* s) {
  return fold(_mm256_hadd_ps(_mm256_hadd_ps(s[0], s[1]), _mm256_hadd_ps(s[2], s[3])));
}

inline __m128 sum_of_1(__m256 s) {
  const __m128 four = fold(s);
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_add_ss(two, _mm_movehdup_ps(two));
}

// min(x, +infinity) returns its second argument when the first is NaN.
inline __m128 nan_to_infinity(__m128 x) {
  return _mm_min_ps(x, _mm_set1_ps(__builtin_inff()));
}

struct Avx2 {
  using Vec = __m256;
  static constexpr size_t kLanes = 8;
  static constexpr int kRegisters = 16;
  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm256_sub_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static Vec load_tail(const float* p, uint32_t n) { return load_floats_tail(p, n); }

  template <int N>
  static void store_signed(const Vec* s, __m128 sign, float* out) {
    if constexpr (N >= 4) {
      for (int n = 0; n < N; n += 4)
        _mm_storeu_ps(out + n, nan_to_infinity(_mm_xor_ps(sums_of_4(s + n), sign)));
    } else {
      for (int n = 0; n < N; ++n) _mm_store_ss(out + n, nan_to_infinity(_mm_xor_ps(sum_of_1(s[n]), sign)));
    }
  }
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    store_signed<N>(s, _mm_setzero_ps(), out);
  }
  template <int N>
  static void store_negated_sums(const Vec* s, float* out) {
    store_signed<N>(s, _mm_set1_ps(-0.0f), out);
  }
};

struct F32 {
  static constexpr size_t kBits = 32;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f32;
  static __m256 load(const void* row, size_t i) {
    return _mm256_loadu_ps(static_cast<const float*>(row) + i);
  }
  static __m256 load_tail(const void* row, size_t i, uint32_t n) {
    return load_floats_tail(static_cast<const float*>(row) + i, n);
  }
};

inline __m128i load_halves(const void* row, size_t i) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const uint16_t*>(row) + i));
}
inline __m128i load_halves_tail(const void* row, size_t i, uint32_t n) {
  alignas(16) uint16_t padded[8] = {};
  memcpy(padded, static_cast<const uint16_t*>(row) + i, n * sizeof(uint16_t));
  return _mm_load_si128(reinterpret_cast<const __m128i*>(padded));
}

struct F16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f16;
  static __m256 load(const void* row, size_t i) { return _mm256_cvtph_ps(load_halves(row, i)); }
  static __m256 load_tail(const void* row, size_t i, uint32_t n) {
    return _mm256_cvtph_ps(load_halves_tail(row, i, n));
  }
};

struct BF16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_bf16;
  static __m256 widen(__m128i halves) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static __m256 load(const void* row, size_t i) { return widen(load_halves(row, i)); }
  static __m256 load_tail(const void* row, size_t i, uint32_t n) {
    return widen(load_halves_tail(row, i, n));
  }
};

}  // namespace

const FloatTable kAvx2Float = {float_metrics<Avx2, F32>(), float_metrics<Avx2, F16>(),
                               float_metrics<Avx2, BF16>()};

}  // namespace kith::kernels
