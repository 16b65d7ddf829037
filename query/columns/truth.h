// Truth: what is known of a question for every row: the rows of `yes` satisfy it, those of `perhaps` may, all
// others do not. The two sets have no row in common. Algebra keeps that: what may be true of a whole follows
// from what may be true of its parts, what is certain from what is certain of them.
#pragma once

#include <cstdint>
#include <span>
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
/// What holds where `min` of `parts` do at least; min ≥ 1.
Truth at_least(uint32_t min, std::span<const Truth> parts);
RowSet at_least(uint32_t min, std::span<const RowSet> parts);

}  // namespace kith
