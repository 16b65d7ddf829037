// 1 - dot / (|query| |row|) from the three sums, with the edges defined: a zero vector is at distance 1 of
// everything. In float the squared norms must be neither tiny nor huge; cosine_in_range says so, and the
// caller turns to cosine_in_double_* otherwise (a NaN is never in range). Internal linkage, see kernels.h.
#pragma once

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
  if (qq == 0 || rr == 0) return 1;
  return 1 - dot / __builtin_sqrtf(qq * rr);
}

}  // namespace
}  // namespace kith::kernels
