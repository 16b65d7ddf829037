// The filter suite: for each set build the default kind, ask it every case by every plan, and give speed,
// recall and short answers. One thread; a query brings its set of rows ready made, the bits that a walk asks
// are part of its time.
#pragma once

#include <string>
#include <vector>

#include "bench/harness/options.h"
#include "bench/harness/result.h"
#include "index/index.h"

namespace kith::bench {

struct FilterOptions {
  std::vector<std::string> sets;
  std::string kind{kDefaultKind};
  std::vector<FilterPlan> plans = {FilterPlan::kAuto};
  uint32_t effort = 0;  // 0 = the kind's default
  uint32_t k = 10;
  int passes = 3;
  size_t threads = 2;      // of builds
  size_t queries_max = 0;  // a case; 0 = all
};

FilterOptions filter_options(Extent extent);

/// Figures `filter/<set>/<case>/…`, and `filter/<set>/<case>-by-<plan>/…` for plans asked for by name.
/// Progress goes to stderr.
Result<void> run_filter_suite(const FilterOptions& options, Report& report);

}  // namespace kith::bench
