// Rotation: a random orthogonal map in O(D log D), so that no direction of the data meets the grid of a code.
//
// Four rounds of random signs, then Walsh–Hadamard over the largest power of two of dimensions: the first
// ones in even rounds, the last ones in odd rounds; where that leaves dimensions out, a butterfly of the two
// halves after it spreads them (signs and Hadamard: Ailon and Chazelle, "The Fast Johnson–Lindenstrauss
// Transform", SICOMP 2009; butterflies: Kac's walk). All scales are folded into the signs. Dimensions are
// padded with zeros to a multiple of 64.
#pragma once

#include <cstdint>
#include <vector>

#include "index/codes/rabitq_kernels.h"

namespace kith {

class Rotation {
 public:
  Rotation(uint32_t dim, uint64_t seed);

  uint32_t dim() const { return dim_; }
  uint32_t padded() const { return padded_; }
  /// In place, `padded` elements. Thread-safe.
  void apply(float* x) const { table_->rotate(factors_.data(), padded_, x); }
  void apply_inverse(float* x) const { table_->unrotate(factors_.data(), padded_, x); }

 private:
  uint32_t dim_;
  uint32_t padded_;
  const kernels::RabitqTable* table_;
  std::vector<float> factors_;  // of a round, then the next
};

}  // namespace kith
