// Truth: what is known of a question for every row: the rows of `yes` satisfy it, those of `perhaps` may, all
// others do not. The two sets have no row in common. Algebra keeps that: what may be true of a whole follows
// from what may be true of its parts, what is certain from what is certain of them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/row_set.h"

namespace kith {

struct Truth {
  RowSet yes;
  RowSet perhaps;

  uint64_t possible_rows() const { return yes.size() + perhaps.size(); }
  RowSet possible() const;
  /// Rows of `more` may be true besides.
  void add_perhaps(const RowSet& more);

  void intersect(const Truth& other);
  void unite(const Truth& other);
};

/// Within `live`.
Truth negate(const Truth& truth, const RowSet& live);

/// In how many sets each row is: the counts in binary, a set of rows for each bit; a set is added as by hand,
/// with carries.
class RowCounter {
 public:
  void add(const RowSet& rows);
  /// Rows of `min` of the sets; min ≥ 1.
  RowSet at_least(uint32_t min) const;

 private:
  RowSet any_;
  std::vector<RowSet> bits_;  // the lowest first
};

}  // namespace kith
