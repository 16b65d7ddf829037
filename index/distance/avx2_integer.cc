// AVX2 over i8, u8 and bits: products in 16 bits, sums in 32, tails copied into a zeroed register.
// 32-bit sums wrap harmlessly: the true results of up to 65,535 dimensions fit in 32 bits (65,535 × 255² <
// 2^32).
#include <immintrin.h>
#include <string.h>

#include "index/distance/integer_kernels.h"

namespace kith::kernels {
namespace {

inline uint32_t sum_of_lanes(__m256i s) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  const __m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm_add_epi32(two, _mm_srli_epi64(two, 32))));
}

inline __m128i sums_of_4(const __m256i* s) {
  const __m256i lanes = _mm256_hadd_epi32(_mm256_hadd_epi32(s[0], s[1]), _mm256_hadd_epi32(s[2], s[3]));
  return _mm_add_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
}

/// 32-bit numbers without sign, rounded once: the halves of 16 bits convert exactly.
inline __m128 floats_of_unsigned(__m128i x) {
  const __m128 high = _mm_mul_ps(_mm_cvtepi32_ps(_mm_srli_epi32(x, 16)), _mm_set1_ps(65536.0f));
  return _mm_add_ps(high, _mm_cvtepi32_ps(_mm_and_si128(x, _mm_set1_epi32(0xffff))));
}

inline __m128i load_bytes_tail(const void* data, size_t i, uint32_t n) {
  alignas(16) uint8_t padded[16] = {};
  memcpy(padded, static_cast<const uint8_t*>(data) + i, n);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(padded));
}

/// Sixteen elements widened to 16 bits.
struct Avx2Words {
  using Vec = __m256i;
  static constexpr size_t kLanes = 16;
  static Vec zero() { return _mm256_setzero_si256(); }
  static Vec add(Vec a, Vec b) { return _mm256_add_epi32(a, b); }
  static Vec sub_words(Vec a, Vec b) { return _mm256_sub_epi16(a, b); }
  static Vec add_products(Vec sum, Vec a, Vec b) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b)); }
  template <bool kSigned>
  static Vec widen(__m128i bytes) {
    return kSigned ? _mm256_cvtepi8_epi16(bytes) : _mm256_cvtepu8_epi16(bytes);
  }
  template <bool kSigned>
  static Vec load(const void* data, size_t i) {
    return widen<kSigned>(
        _mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const uint8_t*>(data) + i)));
  }
  template <bool kSigned>
  static Vec load_tail(const void* data, size_t i, uint32_t n) {
    return widen<kSigned>(load_bytes_tail(data, i, n));
  }
  template <int N, bool kSigned>
  static void store_sums(const Vec* s, float* out) {
    if constexpr (N >= 4 && kSigned) {
      for (int n = 0; n < N; n += 4) _mm_storeu_ps(out + n, _mm_cvtepi32_ps(sums_of_4(s + n)));
    } else if constexpr (N >= 4) {
      for (int n = 0; n < N; n += 4) _mm_storeu_ps(out + n, floats_of_unsigned(sums_of_4(s + n)));
    } else {
      for (int n = 0; n < N; ++n) {
        const uint32_t sum = sum_of_lanes(s[n]);
        out[n] = kSigned ? static_cast<float>(static_cast<int32_t>(sum)) : static_cast<float>(sum);
      }
    }
  }
};

/// Counts bits by looking up half bytes (Muła, "SSSE3: fast popcount", 2008).
struct Avx2Bits {
  using Vec = __m256i;
  static constexpr size_t kBytes = 32;
  static Vec zero() { return _mm256_setzero_si256(); }
  static Vec add(Vec a, Vec b) { return _mm256_add_epi64(a, b); }
  static Vec load(const uint8_t* data) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data)); }
  static Vec load_tail(const uint8_t* data, uint32_t bytes) {
    alignas(32) uint8_t padded[32] = {};
    memcpy(padded, data, bytes);
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(padded));
  }
  static Vec add_differing(Vec sum, Vec a, Vec b) {
    const Vec table =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
    const Vec low_half = _mm256_set1_epi8(15);
    const Vec x = _mm256_xor_si256(a, b);
    const Vec low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, low_half));
    const Vec high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), low_half));
    return _mm256_add_epi64(sum, _mm256_sad_epu8(_mm256_add_epi8(low, high), zero()));
  }
  template <int N>
  static void store_sums(const Vec* s, float* out) {
    // The high halves of the 64-bit sums are zero, and the sums far below 2^31.
    if constexpr (N >= 4) {
      for (int n = 0; n < N; n += 4) _mm_storeu_ps(out + n, _mm_cvtepi32_ps(sums_of_4(s + n)));
    } else {
      for (int n = 0; n < N; ++n) out[n] = static_cast<float>(sum_of_lanes(s[n]));
    }
  }
};

}  // namespace

const IntegerTable kAvx2Integer = {integer_metrics<Avx2Words, true>(), integer_metrics<Avx2Words, false>()};
const Kernel kAvx2Hamming = scan_bits<Avx2Bits>;

}  // namespace kith::kernels
