// 1 - dot / (|query| |row|) from the three sums, with the edges defined: a zero vector is at distance 1 of
// everything. In float the squared norms must be neither tiny nor huge; cosine_in_range says so, and the
// caller turns to cosine_in_double_* otherwise (a NaN is never in range). Internal linkage, see kernels.h.
#pragma once

#ifdef __AVX2__
#include <immintrin.h>
#endif

namespace kith::kernels {
namespace {

/// The product of two norms in this range is a normal float.
[[maybe_unused]] inline bool norm_in_range(float squared_norm) {
  return squared_norm >= 0x1p-60f && squared_norm <= 0x1p60f;
}

[[maybe_unused]] inline bool cosine_in_range(float qq, float rr) {
  return norm_in_range(qq) && norm_in_range(rr);
}

[[maybe_unused]] inline float cosine_distance(float dot, float qq, float rr) {
  const float product = qq * rr;
  return product == 0 ? 1 : 1 - dot / __builtin_sqrtf(product);
}

#ifdef __AVX2__
/// Four at once: compilers do not find this by themselves.
[[maybe_unused]] inline void four_cosine_distances(const float* dots, float qq, const float* norms,
                                                   float* out) {
  const __m128 one = _mm_set1_ps(1);
  const __m128 product = _mm_mul_ps(_mm_set1_ps(qq), _mm_loadu_ps(norms));
  const __m128 distance = _mm_sub_ps(one, _mm_div_ps(_mm_loadu_ps(dots), _mm_sqrt_ps(product)));
  _mm_storeu_ps(out, _mm_blendv_ps(distance, one, _mm_cmpeq_ps(product, _mm_setzero_ps())));
}
#endif

template <int N>
inline void cosine_distances(const float* dots, float qq, const float* norms, float* out) {
#ifdef __AVX2__
  if constexpr (N % 4 == 0) {
    for (int n = 0; n < N; n += 4) four_cosine_distances(dots + n, qq, norms + n, out + n);
    return;
  }
#endif
  for (int n = 0; n < N; ++n) out[n] = cosine_distance(dots[n], qq, norms[n]);
}

}  // namespace
}  // namespace kith::kernels
