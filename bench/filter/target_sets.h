// Sets on which recall targets are to be kept without being told of them: the real ones, and four that are
// made to be hard: clusters, queries from elsewhere, rows that come again, and a stream that drifts.
#pragma once

#include <string>
#include <vector>

#include "bench/harness/sets/bench_set.h"

namespace kith::bench {

/// A filter of a set's own, with its exact answer.
struct TargetFilter {
  size_t query = 0;  // number of its vector
  std::string text;  // docs/filters.md
  uint64_t matches = 0;
};

struct TargetSet {
  BenchSet set;
  std::vector<std::string> payloads;  // of each row; none where the set has no filters
  std::vector<TargetFilter> filters;
  Neighbors filtered_truth;  // a row for each filter
  bool drifts = false;  // the second half of its rows comes after the calibration, and queries ask for it
};

/// `name` as in load_bench_set, or made-clustered, made-elsewhere, made-again, made-drifting; those have
/// `rows` rows.
Result<TargetSet> load_target_set(const std::string& name, size_t rows);

}  // namespace kith::bench
