#include "datasets/recall.h"

#include <algorithm>
#include <cmath>

#include "datasets/ground_truth.h"

namespace kith {

// Two sums of the same distance in another order may differ in the last bits of a double.
static constexpr double kSlack = 1e-12;

Result<RecallJudge> RecallJudge::create(VectorBlock base, VectorBlock queries, Metric metric,
                                        const Neighbors& truth, uint32_t k) {
  if (base.dim != queries.dim)
    return invalid_argument("recall: base has dimension {}, queries {}", base.dim, queries.dim);
  if (k == 0 || truth.k < k)
    return invalid_argument("recall: k is {}, the truth has {} neighbours a row", k, truth.k);
  if (truth.rows < queries.count)
    return invalid_argument("recall: {} queries, the truth has {} rows", queries.count, truth.rows);
  RecallJudge judge;
  judge.base_ = base;
  judge.queries_ = queries;
  judge.metric_ = metric;
  judge.k_ = k;
  for (size_t query = 0; query < queries.count; ++query) {
    double bound = -HUGE_VAL;
    uint32_t wanted = 0;
    for (uint32_t i = 0; i < k && truth[query][i] >= 0; ++i, ++wanted) {
      const auto row = static_cast<size_t>(truth[query][i]);
      if (row >= base.count)
        return invalid_argument("recall: the truth of query {} names row {} of {}", query, row, base.count);
      bound = std::max(bound, exact_distance(metric, queries[query], base[row]));
    }
    judge.bound_.push_back(bound + kSlack * std::abs(bound));
    judge.wanted_.push_back(wanted);
  }
  return judge;
}

size_t RecallJudge::hits(size_t query, std::span<const Row> rows) const {
  std::vector<Row> answered(rows.begin(),
                            rows.begin() + static_cast<ptrdiff_t>(std::min<size_t>(rows.size(), k_)));
  std::sort(answered.begin(), answered.end());
  answered.erase(std::unique(answered.begin(), answered.end()), answered.end());
  const auto is_hit = [&](Row row) {
    return row < base_.count && exact_distance(metric_, queries_[query], base_[row]) <= bound_[query];
  };
  const auto hits = std::count_if(answered.begin(), answered.end(), is_hit);
  return std::min<size_t>(static_cast<size_t>(hits), wanted_[query]);
}

}  // namespace kith
