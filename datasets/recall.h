// Recall by distance: an answered row is a hit when it is no farther than the k-th true neighbour, so that
// among rows at equal distance any will do (exact duplicates are common in real sets). Distances are
// recomputed in double; an answer that names a row twice gets one hit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"
#include "datasets/reader.h"
#include "index/distance/distance.h"

namespace kith {

class RecallJudge {
 public:
  /// Borrows base and queries. `truth` has a row per query and at least k columns; only the first `k` count,
  /// and of them those that are not -1. InvalidArgument where sizes do not fit or a row number is out of
  /// range.
  static Result<RecallJudge> create(VectorBlock base, VectorBlock queries, Metric metric,
                                    const Neighbors& truth, uint32_t k);

  /// Hits among the first k of `rows` for a query; between 0 and wanted(query). Rows that do not exist are
  /// misses.
  size_t hits(size_t query, std::span<const Row> rows) const;
  /// min(k, true neighbours there are).
  size_t wanted(size_t query) const { return wanted_[query]; }
  size_t queries() const { return wanted_.size(); }

 private:
  VectorBlock base_;
  VectorBlock queries_;
  Metric metric_ = Metric::kL2;
  uint32_t k_ = 0;
  std::vector<double> bound_;  // of each query: the farthest distance that is a hit
  std::vector<uint32_t> wanted_;
};

/// Sums over queries; recall() is hits / wanted, 1 where nothing was wanted.
struct RecallCount {
  uint64_t hits = 0;
  uint64_t wanted = 0;

  void add(const RecallJudge& judge, size_t query, std::span<const Row> rows) {
    hits += judge.hits(query, rows);
    wanted += judge.wanted(query);
  }
  double recall() const {
    return wanted == 0 ? 1.0 : static_cast<double>(hits) / static_cast<double>(wanted);
  }
};

}  // namespace kith
