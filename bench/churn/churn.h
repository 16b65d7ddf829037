// What churn does to an index: a runbook's cycles on one index, and after each the same searches on it and on
// a fresh build of the rows that are there then.
#pragma once

#include <string>
#include <vector>

#include "bench/churn/mixed.h"
#include "bench/churn/runbook.h"
#include "bench/harness/options.h"
#include "bench/harness/result.h"
#include "bench/harness/sets/bench_set.h"
#include "index/index.h"

namespace kith::bench {

struct ChurnOptions {
  std::string set = "sift";
  std::string directory = "bench/churn/runbooks";  // of runbooks that are given by name
  std::vector<std::string> runbooks = {"sliding-window",
                                       "expiration-time",
                                       "clustered",
                                       "random-replace",
                                       "drift",
                                       "disk",  // sliding-window, of disk.h
                                       "disk-random-replace",
                                       "mixed"};  // of mixed.h
  std::string kind{kDefaultKind};
  IndexOptions index;    // of the kind
  std::string label;     // figures are of churn/<runbook>[-<label>]/
  size_t rows = 0;       // instead of the runbook's, 0 = those
  size_t cycles = 0;     // likewise
  size_t queries = 500;  // searched after each cycle, at most
  double recall = 0.95;  // of the fresh build before the first cycle, which sets the effort of all
  size_t batch = 500;    // rows that come or leave at a time
  size_t threads = 2;    // CPUs of the index
  MixedOptions mixed;    // of which kind, index, rows and threads are taken from here
  static constexpr uint32_t kNearest = 10;
};

ChurnOptions churn_options(Extent extent);

/// What is found after a cycle.
struct CycleFigures {
  double recall = 0, fresh_recall = 0;        // @10
  double distances = 0, fresh_distances = 0;  // a query, on full vectors and on codes
  uint64_t unreachable = 0;                   // live rows that no path leads to
  uint64_t gone = 0;                          // answers that named rows that had left
  IndexMemory memory;                         // and disk, of the index
  double seconds = 0;                         // of leaving and coming, until all are linked
  size_t updates = 0;                         // rows that left or came
};

struct ChurnFigures {
  uint32_t effort = 0;
  IndexMemory memory_before;
  std::vector<CycleFigures> cycles;
};

/// Runs one runbook on rows of the set. What one cycle found goes to stderr as it is known.
Result<ChurnFigures> run_churn(const Runbook& runbook, const BenchSet& set, const ChurnOptions& options);

/// Figures `churn/<runbook>/recall_drop_max|ndc_growth|unreachable|gone|memory_growth|updates_per_s`: the
/// worst cycle's, but for updates a second. The parts disk and mixed have others.
Result<void> run_churn_suite(const ChurnOptions& options, Report& report);

}  // namespace kith::bench
