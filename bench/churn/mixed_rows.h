// MixedRows: an endless stream of vectors from a set. Numbers from 0 on; number n is the set's row n of a
// fixed shuffle. Where the set has no other rows left they come again, in the same order, each component
// moved a little, so that no two numbers have equal vectors because of it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/vector_view.h"

namespace kith::bench {

class MixedRows {
 public:
  /// `set`: f32, one row at least; outlives this.
  MixedRows(VectorBlock set, uint64_t seed);

  uint32_t dim() const { return set_.dim; }
  /// Of numbers first, first + 1, ..., packed, in place of what was in `out`.
  VectorBlock vectors(uint64_t first, size_t count, std::vector<float>& out) const;

 private:
  void copy(uint64_t number, float* out) const;

  VectorBlock set_;
  std::vector<uint32_t> order_;
  float moved_ = 0;  // a component that comes again: at most so far
  uint64_t seed_;
};

}  // namespace kith::bench
