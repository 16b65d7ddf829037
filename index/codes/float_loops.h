// Loops over floats that several codes use, written once over a level's vector type. `V` gives: Vec, kLanes,
// load, store, set1, add, sub, mul, min, max, abs, trunc, floor, round (to even), sum, smallest, largest,
// store_bytes(whole numbers that fit a byte, out), and partner<h>(x): lanes swapped with those h away, the
// upper of each pair subtracted: one stage of Walsh–Hadamard within a register. Internal linkage, see
// index/distance/kernels.h.
#pragma once

#include <stdint.h>

namespace kith::kernels {
namespace {

/// out = a - weight b, and zeros from dim to padded.
template <typename V>
void subtract(const float* a, const float* b, float weight, uint32_t dim, uint32_t padded, float* out) {
  const auto w = V::set1(weight);
  uint32_t i = 0;
  for (; i + V::kLanes <= dim; i += V::kLanes)
    V::store(out + i, V::sub(V::load(a + i), V::mul(w, V::load(b + i))));
  for (; i < dim; ++i) out[i] = a[i] - weight * b[i];
  for (; i < padded; ++i) out[i] = 0;
}

}  // namespace
}  // namespace kith::kernels
