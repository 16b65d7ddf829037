// AVX-512 (F, BW, VL, DQ): 16 floats a step, masked tails.
#include <immintrin.h>

#include "index/distance/avx512_vector.h"
#include "index/distance/float_kernels.h"

namespace kith::kernels {
namespace {

struct F32 {
  static constexpr size_t kBits = 32;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f32;
  static __m512 load(const void* row, size_t i) {
    return _mm512_loadu_ps(static_cast<const float*>(row) + i);
  }
  static __m512 load_tail(const void* row, size_t i, uint32_t n) {
    return _mm512_maskz_loadu_ps(first_16(n), static_cast<const float*>(row) + i);
  }
};

inline __m256i load_halves(const void* row, size_t i) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(row) + i));
}
inline __m256i load_halves_tail(const void* row, size_t i, uint32_t n) {
  return _mm256_maskz_loadu_epi16(first_16(n), static_cast<const uint16_t*>(row) + i);
}

struct F16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_f16;
  static __m512 load(const void* row, size_t i) { return _mm512_cvtph_ps(load_halves(row, i)); }
  static __m512 load_tail(const void* row, size_t i, uint32_t n) {
    return _mm512_cvtph_ps(load_halves_tail(row, i, n));
  }
};

struct BF16 {
  static constexpr size_t kBits = 16;
  static constexpr CosineInDouble kInDouble = cosine_in_double_bf16;
  static __m512 widen(__m256i halves) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  }
  static __m512 load(const void* row, size_t i) { return widen(load_halves(row, i)); }
  static __m512 load_tail(const void* row, size_t i, uint32_t n) {
    return widen(load_halves_tail(row, i, n));
  }
};

}  // namespace

const FloatTable kAvx512Float = {float_metrics<Avx512, F32>(), float_metrics<Avx512, F16>(),
                                 float_metrics<Avx512, BF16>()};

}  // namespace kith::kernels
