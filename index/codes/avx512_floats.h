// Sixteen floats in a register. Interface: float_loops.h. Internal linkage, see
// index/distance/kernels.h.
#pragma once

#ifdef __AVX512DQ__
#include <immintrin.h>
#include <stdint.h>

namespace kith::kernels {
namespace {

struct Avx512Floats {
  using Vec = __m512;
  static constexpr uint32_t kLanes = 16;
  static Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Vec x) { _mm512_storeu_ps(p, x); }
  static Vec set1(float x) { return _mm512_set1_ps(x); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  static Vec mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static Vec min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
  static Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
  static Vec abs(Vec x) { return _mm512_abs_ps(x); }
  static Vec trunc(Vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC); }
  static Vec floor(Vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  static Vec round(Vec x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static float sum(Vec x) { return _mm512_reduce_add_ps(x); }
  static float smallest(Vec x) { return _mm512_reduce_min_ps(x); }
  static float largest(Vec x) { return _mm512_reduce_max_ps(x); }
  static void store_bytes(Vec x, uint8_t* out) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
  }
  template <int h>
  static Vec partner(Vec x) {
    if constexpr (h == 1) return add_signed<0xaaaa>(x, _mm512_permute_ps(x, 0xb1));
    if constexpr (h == 2) return add_signed<0xcccc>(x, _mm512_permute_ps(x, 0x4e));
    if constexpr (h == 4) return add_signed<0xf0f0>(x, _mm512_shuffle_f32x4(x, x, 0xb1));
    if constexpr (h == 8) return add_signed<0xff00>(x, _mm512_shuffle_f32x4(x, x, 0x4e));
  }

 private:
  /// other + x, or other - x where kUpper has a bit; a product with 1 or -1 is exact.
  template <int kUpper>
  static Vec add_signed(Vec x, Vec other) {
    const Vec signs =
        _mm512_mask_blend_ps(static_cast<__mmask16>(kUpper), _mm512_set1_ps(1), _mm512_set1_ps(-1));
    return _mm512_fmadd_ps(x, signs, other);
  }
};

}  // namespace
}  // namespace kith::kernels
#endif
