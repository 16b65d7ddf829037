// Runs Google Benchmark as a suite of ours: its console output stays, and every run becomes figures of the
// one JSON shape, `micro/<benchmark>/ns` (real time of one call) and `micro/<benchmark>/<counter>` for each
// user counter.
#pragma once

#include <benchmark/benchmark.h>

#include <string>

#include "bench/harness/result.h"

namespace kith::bench {

/// Takes --quick, --smoke, --json OUT and Google Benchmark's own flags; --smoke runs the benchmarks whose
/// names match `smoke_filter`, --quick those that match `quick_filter` (a --benchmark_filter on the command
/// line wins). Benchmarks are registered before. The exit code of the program.
struct MicroFilters {
  std::string smoke;
  std::string quick;
};
int run_micro_suite(int argc, char** argv, const MicroFilters& filters);

/// Prints like ConsoleReporter and keeps the figures.
class FigureReporter final : public benchmark::ConsoleReporter {
 public:
  /// Colours only where a terminal reads them.
  explicit FigureReporter(Report& report);
  void ReportRuns(const std::vector<Run>& runs) override;
  /// The first figure that the report refused, or the first benchmark that failed.
  const Result<void>& outcome() const { return outcome_; }

 private:
  Result<void> add(const Run& run);

  Report& report_;
  Result<void> outcome_;
};

}  // namespace kith::bench
