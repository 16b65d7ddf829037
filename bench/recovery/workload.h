// Workload: what the recovery suite writes, each batch a function of its number alone, so that one process
// knows what another's directory must hold.
//
// One pass upserts every row of a set under the ids 0, 1, …; later passes do it again with vectors that are a
// little different, so that no two versions of a point are equal. A point's payload names its batch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/sets/bench_set.h"
#include "query/types.h"

namespace kith::bench {

class Workload {
 public:
  static constexpr size_t kBatchRows = 1000;

  /// `set` outlives this.
  explicit Workload(const BenchSet& set) : set_(set) {}

  Schema schema() const;
  uint64_t rows() const { return set_.base.rows; }
  uint64_t batches_per_pass() const { return (rows() + kBatchRows - 1) / kBatchRows; }
  std::vector<Point> batch(uint64_t number) const;
  /// What `id` holds after the first `batches` batches, at least a pass of them.
  Point point_after(uint64_t batches, uint64_t id) const;
  /// Vectors and payloads of one pass.
  uint64_t raw_bytes() const;

 private:
  Point point(uint64_t batch, uint64_t id) const;

  const BenchSet& set_;
};

}  // namespace kith::bench
