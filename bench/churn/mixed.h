// The mixed part of the churn suite: durable updates and searches at once, through what users call, beside
// the same searches with nothing else going on; hnswlib in the same way.
#pragma once

#include <string>

#include "base/result.h"
#include "bench/harness/result.h"
#include "bench/harness/sets/bench_set.h"
#include "index/index.h"

namespace kith::bench {

struct MixedOptions {
  std::string prefix = "churn/mixed/";  // of figures
  size_t rows = 500'000;
  size_t queries = 1000;
  double recall = 0.95;         // of the index before any update, which sets the effort of all searches
  double seconds = 30;          // a phase
  double updates_per_s = 4000;  // offered: rows that leave or come; one that is replaced is two of them
  size_t batch = 200;           // rows a call that are replaced, but where single rows are
  double searches_per_s = 0;    // offered; 0: one after another
  int windows = 5;              // pairs of them, of single rows inserted and replaced in turns
  size_t judged = 300;          // answers of a phase that are compared with exact ones
  size_t threads = 2;           // CPUs of all
  bool rival = true;
  std::string kind{kDefaultKind};
  IndexOptions index;     // of the kind
  std::string directory;  // data goes into a new folder in it, removed at the end; "" = beside the program
};

/// Figures <prefix>search_p99_ratio and others, see docs/benchmarks.md; the rival's also as
/// <prefix>hnswlib_....
Result<void> run_mixed(const BenchSet& set, const MixedOptions& options, Report& report);

}  // namespace kith::bench
