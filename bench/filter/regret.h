// The planner's regret (card G): over a grid of shares, correlations and k the time that searches take by the
// plans it chooses, planning included, beside that of the best plan and effort measured which reaches the
// recall. Indexes are calibrated at half of a set's rows, on other queries and filters than the grid's; the
// grid is measured then and again when the rows have doubled.
//
// A cell's searches are asked in turn with a CorrelationMemory that is empty before, as those of one filter.
#pragma once

#include <string>
#include <vector>

#include "bench/harness/options.h"
#include "bench/harness/result.h"

namespace kith::bench {

struct RegretOptions {
  std::vector<std::string> sets;  // as in load_bench_set; none: the suite is left out
  double recall_target = 0.95;
  size_t queries = 100;  // a cell
  size_t asked = 512;    // queries that the calibration knows; stored vectors where the set has too few
  int passes = 3;
  size_t threads = 2;  // of builds
};

RegretOptions regret_options(Extent extent);

/// Figures `filter/regret/…`; cells are told on stderr, the worst in notes.
Result<void> run_regret_suite(const RegretOptions& options, Report& report);

}  // namespace kith::bench
