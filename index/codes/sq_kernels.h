// The loops of the scalar quantisers at one CPU level. Rules for the sources of a level:
// index/distance/kernels.h.
#pragma once

#include "index/codes/sq_layout.h"
#include "index/distance/kernels.h"

namespace kith::kernels {

struct Survey {
  float low, high, sum;
};

struct SqTable {
  Kernel sq8, sq4, lvq4x8;
  /// out = a - weight b, and zeros from dim to padded.
  void (*subtract)(const float* a, const float* b, float weight, uint32_t dim, uint32_t padded, float* out);
  /// Least and greatest element, and the sum.
  Survey (*survey)(const float* x, uint32_t dim);
  /// Each x_i factor, rounded, as 128 high + low; `padded` elements; gives the sums.
  void (*split)(const float* x, uint32_t padded, float factor, int8_t* high, int8_t* low, int32_t* high_sum,
                int32_t* low_sum);
};

extern const SqTable kScalarSq;
extern const SqTable kAvx2Sq;
extern const SqTable kAvx512Sq;  // with AVX512-VNNI

}  // namespace kith::kernels
