// Rotation: a random orthogonal map in O(D log D), so that no direction of the data meets the grid of a code.
//
// Three rounds of random signs, then Walsh–Hadamard over the powers of two that add up to the dimension, the
// largest first in even rounds and last in odd ones; where there are several, a butterfly of the two halves
// after them spreads each over all (signs and Hadamard: Ailon and Chazelle, "The Fast Johnson–Lindenstrauss
// Transform", SICOMP 2009). All scales are folded into the signs. Dimensions are padded with zeros to a
// multiple of 64. Measured (tests/index/codes/rotation_test.cc): a single dimension comes out as evenly
// spread as by a random matrix; a Hadamard of the largest power alone would need far more rounds.
#pragma once

#include <cstdint>

#include "base/aligned_buffer.h"
#include "index/codes/rabitq_kernels.h"

namespace kith {

class Rotation {
 public:
  Rotation(uint32_t dim, uint64_t seed);

  uint32_t padded() const { return padded_; }
  /// In place, `padded` elements, fastest on 64 bytes. Thread-safe.
  void apply(float* x) const { table_->rotate(factors(), padded_, x); }
  void apply_inverse(float* x) const { table_->unrotate(factors(), padded_, x); }

 private:
  const float* factors() const { return reinterpret_cast<const float*>(factors_.data()); }

  uint32_t padded_;
  const kernels::RabitqTable* table_;
  AlignedBuffer factors_;  // of a round, then the next
};

}  // namespace kith
