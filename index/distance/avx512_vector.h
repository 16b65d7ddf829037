// What the AVX-512 sources share: masks of tails, sixteen floats as a vector type (see float_kernels.h), and
// horizontal sums of several registers at once: a tree of shuffles serves eight rows with about three
// instructions each, where one row alone needs eight. Internal linkage, see kernels.h. Only for AVX-512
// sources.
#pragma once

#ifdef __AVX512DQ__
#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

namespace kith::kernels {
namespace {

[[maybe_unused]] inline __mmask16 first_16(uint32_t n) {
  return static_cast<__mmask16>((1u << n) - 1);
}
[[maybe_unused]] inline __mmask32 first_32(uint32_t n) {
  return static_cast<__mmask32>((1ull << n) - 1);
}
[[maybe_unused]] inline __mmask64 first_64(uint32_t n) {
  return (1ull << n) - 1;
}  // n < 64

inline __m512 add_lanes(__m512 a, __m512 b) {
  return _mm512_add_ps(a, b);
}
inline __m512i add_lanes(__m512i a, __m512i b) {
  return _mm512_add_epi32(a, b);
}
inline __m256 add_lanes(__m256 a, __m256 b) {
  return _mm256_add_ps(a, b);
}
inline __m256i add_lanes(__m256i a, __m256i b) {
  return _mm256_add_epi32(a, b);
}
inline __m128 add_lanes(__m128 a, __m128 b) {
  return _mm_add_ps(a, b);
}
inline __m128i add_lanes(__m128i a, __m128i b) {
  return _mm_add_epi32(a, b);
}

inline __m512 unpack_low(__m512 a, __m512 b) {
  return _mm512_unpacklo_ps(a, b);
}
inline __m512i unpack_low(__m512i a, __m512i b) {
  return _mm512_unpacklo_epi32(a, b);
}
inline __m512 unpack_high(__m512 a, __m512 b) {
  return _mm512_unpackhi_ps(a, b);
}
inline __m512i unpack_high(__m512i a, __m512i b) {
  return _mm512_unpackhi_epi32(a, b);
}
inline __m512 pairs_low(__m512 a, __m512 b) {
  return _mm512_shuffle_ps(a, b, 0x44);
}
inline __m512i pairs_low(__m512i a, __m512i b) {
  return _mm512_unpacklo_epi64(a, b);
}
inline __m512 pairs_high(__m512 a, __m512 b) {
  return _mm512_shuffle_ps(a, b, 0xee);
}
inline __m512i pairs_high(__m512i a, __m512i b) {
  return _mm512_unpackhi_epi64(a, b);
}
inline __m512 quarters_even(__m512 a, __m512 b) {
  return _mm512_shuffle_f32x4(a, b, 0x88);
}
inline __m512i quarters_even(__m512i a, __m512i b) {
  return _mm512_shuffle_i32x4(a, b, 0x88);
}
inline __m512 quarters_odd(__m512 a, __m512 b) {
  return _mm512_shuffle_f32x4(a, b, 0xdd);
}
inline __m512i quarters_odd(__m512i a, __m512i b) {
  return _mm512_shuffle_i32x4(a, b, 0xdd);
}
inline __m256 low_half(__m512 a) {
  return _mm512_castps512_ps256(a);
}
inline __m256i low_half(__m512i a) {
  return _mm512_castsi512_si256(a);
}
inline __m256 high_half(__m512 a) {
  return _mm512_extractf32x8_ps(a, 1);
}
inline __m256i high_half(__m512i a) {
  return _mm512_extracti32x8_epi32(a, 1);
}
inline __m128 low_half(__m256 a) {
  return _mm256_castps256_ps128(a);
}
inline __m128i low_half(__m256i a) {
  return _mm256_castsi256_si128(a);
}
inline __m128 high_half(__m256 a) {
  return _mm256_extractf128_ps(a, 1);
}
inline __m128i high_half(__m256i a) {
  return _mm256_extracti128_si256(a, 1);
}

/// Four registers to their sums (a, b, c, d) within each 128-bit quarter.
template <typename Vec>
inline Vec quarter_sums(const Vec* s) {
  const Vec ab = add_lanes(unpack_low(s[0], s[1]), unpack_high(s[0], s[1]));
  const Vec cd = add_lanes(unpack_low(s[2], s[3]), unpack_high(s[2], s[3]));
  return add_lanes(pairs_low(ab, cd), pairs_high(ab, cd));
}

template <typename Vec>
inline auto sums_of_4(const Vec* s) {
  const Vec quarters = quarter_sums(s);
  const auto halves = add_lanes(low_half(quarters), high_half(quarters));
  return add_lanes(low_half(halves), high_half(halves));
}

template <typename Vec>
inline auto sums_of_8(const Vec* s) {
  const Vec first = quarter_sums(s), second = quarter_sums(s + 4);
  // quarters (f0, f2, s0, s2) + (f1, f3, s1, s3); then the two of each pair are added
  const Vec pairs = add_lanes(quarters_even(first, second), quarters_odd(first, second));
  const Vec ordered = quarters_even(pairs, pairs), others = quarters_odd(pairs, pairs);
  return add_lanes(low_half(ordered), low_half(others));
}

// min(x, +infinity) returns its second argument when the first is NaN.
inline __m128 nan_to_infinity(__m128 x) {
  return _mm_min_ps(x, _mm_set1_ps(__builtin_inff()));
}
inline __m256 nan_to_infinity(__m256 x) {
  return _mm256_min_ps(x, _mm256_set1_ps(__builtin_inff()));
}

struct Avx512 {
  using Vec = __m512;
  static constexpr size_t kLanes = 16;
  static constexpr int kRegisters = 32;
  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static Vec load_tail(const float* p, uint32_t n) { return _mm512_maskz_loadu_ps(first_16(n), p); }

  template <int N>
  static void store_sums(const Vec* s, float* out) {
    if constexpr (N == 8) {
      _mm256_storeu_ps(out, nan_to_infinity(sums_of_8(s)));
    } else if constexpr (N == 4) {
      _mm_storeu_ps(out, nan_to_infinity(sums_of_4(s)));
    } else {
      for (int n = 0; n < N; ++n)
        _mm_store_ss(out + n, nan_to_infinity(_mm_set_ss(_mm512_reduce_add_ps(s[n]))));
    }
  }
  template <int N>
  static void store_negated_sums(const Vec* s, float* out) {
    if constexpr (N == 8) {
      _mm256_storeu_ps(out, nan_to_infinity(_mm256_xor_ps(sums_of_8(s), _mm256_set1_ps(-0.0f))));
    } else if constexpr (N == 4) {
      _mm_storeu_ps(out, nan_to_infinity(_mm_xor_ps(sums_of_4(s), _mm_set1_ps(-0.0f))));
    } else {
      for (int n = 0; n < N; ++n)
        _mm_store_ss(out + n, nan_to_infinity(_mm_set_ss(-_mm512_reduce_add_ps(s[n]))));
    }
  }
};

/// The exact 32-bit sums of N registers, each with `constant` added, as signed or unsigned numbers to floats.
template <int N, bool kSigned>
[[maybe_unused]] inline void store_integer_sums(const __m512i* s, uint32_t constant, float* out) {
  if constexpr (N == 8) {
    const __m256i sums = _mm256_add_epi32(sums_of_8(s), _mm256_set1_epi32(static_cast<int32_t>(constant)));
    _mm256_storeu_ps(out, kSigned ? _mm256_cvtepi32_ps(sums) : _mm256_cvtepu32_ps(sums));
  } else if constexpr (N == 4) {
    const __m128i sums = _mm_add_epi32(sums_of_4(s), _mm_set1_epi32(static_cast<int32_t>(constant)));
    _mm_storeu_ps(out, kSigned ? _mm_cvtepi32_ps(sums) : _mm_cvtepu32_ps(sums));
  } else {
    for (int n = 0; n < N; ++n) {
      const uint32_t sum = static_cast<uint32_t>(_mm512_reduce_add_epi32(s[n])) + constant;
      out[n] = kSigned ? static_cast<float>(static_cast<int32_t>(sum)) : static_cast<float>(sum);
    }
  }
}

}  // namespace
}  // namespace kith::kernels
#endif
