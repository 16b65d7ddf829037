#include "query/plan/synthetic_filter.h"

#include <algorithm>

namespace kith {

NearRows NearRows::of(std::vector<Neighbor> ranking, size_t near) {
  NearRows out{std::move(ranking), {}};
  std::vector<Row> rows;
  for (const Neighbor& neighbor : std::span(out.ranking).first(std::min(near, out.ranking.size())))
    rows.push_back(neighbor.row);
  std::sort(rows.begin(), rows.end());
  out.rows = RowSet::of(rows);
  return out;
}

SyntheticFilter::SyntheticFilter(const RowSet& live, double share, double correlation, uint64_t seed,
                                 double near_share)
    : seed_(mix64(seed)), share_(share) {
  const double most = std::min(1.0, share / near_share);  // none of the others pass
  const double least = std::clamp((share - (1 - near_share)) / near_share, 0.0, most);  // all of them do
  near_pass_ = std::clamp(share * correlation, least, most);
  const double far_pass = (share - near_share * near_pass_) / (1 - near_share);
  std::vector<Row> rows;
  live.for_each([&](Row row) {
    if (passes(row, far_pass)) rows.push_back(row);
    return true;
  });
  far_ = RowSet::of(rows);
}

RowSet SyntheticFilter::around(const NearRows& near, Row own) const {
  RowSet out = far_;
  out.subtract(near.rows);
  std::vector<Row> rows;
  near.rows.for_each([&](Row row) {
    if (passes(row, near_pass_)) rows.push_back(row);
    return true;
  });
  out.unite(RowSet::of(rows));
  if (own != kNoRow) out.remove(own);
  return out;
}

}  // namespace kith
