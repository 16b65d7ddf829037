// What churn does to a database's directory: a runbook's cycles on a collection, each ended by a checkpoint.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/churn/runbook.h"
#include "bench/harness/result.h"
#include "bench/harness/sets/bench_set.h"
#include "index/index.h"

namespace kith::bench {

struct DiskOptions {
  std::string prefix = "churn/disk/";  // of figures
  size_t batch = 500;                  // points a call
  std::string kind{kDefaultKind};
  IndexOptions index;     // of the kind
  std::string directory;  // data goes into a new folder in it, removed at the end; "" = beside the program
};

/// Figures <prefix>growth (the most that the directory held after a cycle ÷ what it held before the first,
/// when it was compacted), growth_last (after the last) and growth_compacted (the same once it is compacted
/// again). The first two have the store's log and what its newest tables have not merged yet, whose size is
/// that of a memtable or two however few rows there are.
Result<void> run_disk(const Runbook& runbook, const BenchSet& set, const DiskOptions& options,
                      Report& report);

}  // namespace kith::bench
