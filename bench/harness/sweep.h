// Effort sweep the ANN-Benchmarks way (Aumüller, Bernhardsson, Faithfull 2020): one query at a time on one
// thread, every effort gives one point (recall, queries per second), the curve is what was best, and a figure
// is read off it at a fixed recall.
//
// All contestants run in one process and their passes take turns (ours, rival, ours, rival …), so that noise
// of the machine hits all of them; of the passes at one effort the fastest counts.
//
// Reading off: only points that no other point beats in both recall and rate count (the frontier). Between
// two neighbours log(QPS) is taken as linear in recall. A recall below the first point is answered by that
// point, which was measured and is at least as good; a recall above the last point was not reached and has no
// figure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"

namespace kith::bench {

struct Contestant {
  std::string name;
  /// Called before a pass with the effort that the following searches use.
  std::function<void(uint32_t effort)> prepare;
  /// Nearest rows of query number `query`, nearest first, kNoRow where there are fewer. From several threads
  /// at once.
  std::function<Result<void>(size_t query, std::span<Row> out)> search;
};

struct CurvePoint {
  uint32_t effort = 0;
  double recall = 0;
  double qps = 0;
};

struct Curve {
  std::string name;
  std::vector<CurvePoint> points;  // in order of effort
};

struct SweepOptions {
  std::vector<uint32_t> efforts;  // ascending
  size_t queries = 0;             // numbers 0..queries-1
  uint32_t k = 10;
  int passes = 3;
  double recall_enough = 0.9995;  // a contestant that got here is not asked for more effort
};

/// Share of right answers; `answers` holds k rows a query.
using RecallFn = std::function<double(std::span<const Row> answers)>;

/// One curve per contestant, in order. The first search that fails ends the sweep.
Result<std::vector<Curve>> sweep(std::span<const Contestant> contestants, const SweepOptions& options,
                                 const RecallFn& recall);

/// Points not beaten in both recall and rate, by ascending recall (and so descending rate).
std::vector<CurvePoint> frontier(const Curve& curve);

/// Queries per second at `recall`, as the header says; none when not reached.
std::optional<double> qps_at(const Curve& curve, double recall);

/// One timed pass over all queries on `threads` threads, best of options.passes. `threads` 1 runs on the
/// caller.
Result<double> measure_qps(const Contestant& contestant, uint32_t effort, size_t threads,
                           const SweepOptions& options);

/// Like qps_at, but measured on `threads` threads at the efforts that surround `recall` on the one-thread
/// curve.
Result<std::optional<double>> threaded_qps_at(const Contestant& contestant, const Curve& curve, double recall,
                                              size_t threads, const SweepOptions& options);

}  // namespace kith::bench
