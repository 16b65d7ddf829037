// The recall suite: for each set, build our kinds and the rivals, sweep effort, read the figures off the
// curves, draw them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bench/harness/options.h"
#include "bench/harness/result.h"
#include "bench/harness/sweep.h"

namespace kith::bench {

struct RecallOptions {
  std::vector<std::string> sets;
  std::vector<std::string> kinds;
  std::vector<size_t> rival_links;  // M of hnswlib; empty = no rival
  std::string report_directory;     // of the drawings; "" = none
  size_t threads = 2;               // of builds and of the batch figures
  size_t queries_max = 0;           // 0 = all
  SweepOptions sweep;               // queries is filled per set
};

/// What each extent means: sets, queries, efforts, passes, rivals.
RecallOptions recall_options(Extent extent);

/// Progress goes to stderr.
Result<void> run_recall_suite(const RecallOptions& options, Report& report);

}  // namespace kith::bench
