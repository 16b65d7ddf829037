// FilterCase: filtered queries of one sort, each with the rows it may return and its exact answer.
//
// From a set with `filters.jsonl` one case per kind of filter ("own-tag", "size-range-1%"), truth from its
// file; from fashion-mnist (and synthetic) three more: `own-class` allows the rows of the query's class, a
// tenth of all, `other-class` those of another one, `random-1` one row in a hundred, truth by scanning.
#pragma once

#include <string>
#include <vector>

#include "base/row_set.h"
#include "bench/harness/sets/bench_set.h"

namespace kith::bench {

struct FilterCase {
  std::string name;  // as in figure names
  Matrix queries;    // f32
  std::vector<RowSet> sets;
  std::vector<size_t> set_of;  // of each query
  Neighbors truth;             // of each query; -1 where it has fewer answers

  const RowSet& allowed(size_t query) const { return sets[set_of[query]]; }
};

struct FilterBench {
  BenchSet set;
  std::vector<FilterCase> cases;
};

/// `name` as in load_bench_set, of a set with filters or fashion-mnist or synthetic; at most `queries_max` a
/// case, 0 = all.
Result<FilterBench> load_filter_bench(const std::string& name, size_t queries_max);

}  // namespace kith::bench
