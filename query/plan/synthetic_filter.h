// SyntheticFilter: a random set of rows of which a known share lies near a query. Near rows pass with one
// probability and the others with another, so that the share among the near ones is κ times that among all.
// Whether a row passes depends on the seed and its number alone.
#pragma once

#include <cstdint>
#include <span>

#include "base/random.h"
#include "base/row_set.h"
#include "index/index.h"

namespace kith {

/// The nearest rows of one query.
struct NearRows {
  std::vector<Neighbor> ranking;  // nearest first
  RowSet rows;                    // those of them that filters treat as near

  /// The first `near` of `ranking` are near.
  static NearRows of(std::vector<Neighbor> ranking, size_t near);
};

class SyntheticFilter {
 public:
  /// `near_share`: of the live rows those that `around` is told are near, in (0, 1). `correlation` is brought
  /// down to where all near rows pass, and up to where all other ones do.
  SyntheticFilter(const RowSet& live, double share, double correlation, uint64_t seed, double near_share);

  double share() const { return share_; }
  double correlation() const { return near_pass_ / share_; }

  /// Rows that pass around a query, without `own`.
  RowSet around(const NearRows& near, Row own) const;

 private:
  bool passes(Row row, double probability) const {
    return static_cast<double>(mix64(seed_ ^ (uint64_t{row} << 20)) >> 11) * 0x1.0p-53 < probability;
  }

  uint64_t seed_;
  double share_;
  double near_pass_;  // probability of a near row
  RowSet far_;        // live rows that pass where they are not near
};

}  // namespace kith
