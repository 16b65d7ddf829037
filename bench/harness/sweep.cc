#include "bench/harness/sweep.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include "bench/harness/machine.h"

namespace kith::bench {
namespace {

using Seconds = std::chrono::duration<double>;

struct Pass {
  double qps = 0;
  std::vector<Row> answers;  // k a query
};

/// Queries of one pass handed to threads in small chunks, so that none waits long for the other at the end.
struct Work {
  const Contestant& contestant;
  const SweepOptions& options;
  std::vector<Row>& answers;
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};

  Result<void> run(size_t chunk) {
    while (!failed.load(std::memory_order_relaxed)) {
      size_t first = next.fetch_add(chunk);
      if (first >= options.queries) break;
      size_t end = std::min(first + chunk, options.queries);
      for (size_t query = first; query < end; ++query) {
        Result<void> done =
            contestant.search(query, std::span(answers).subspan(query * options.k, options.k));
        if (!done.ok()) return failed = true, done;
      }
    }
    return {};
  }
};

Result<void> run_on_threads(Work& work, size_t threads) {
  if (threads == 1) return work.run(work.options.queries);
  constexpr size_t kChunk = 16;
  std::vector<Result<void>> results(threads);
  std::vector<std::thread> workers;
  for (size_t i = 0; i < threads; ++i) workers.emplace_back([&, i] { results[i] = work.run(kChunk); });
  for (std::thread& worker : workers) worker.join();
  for (Result<void>& result : results) TRY(result);
  return {};
}

Result<Pass> run_pass(const Contestant& contestant, uint32_t effort, size_t threads,
                      const SweepOptions& options) {
  Pass pass;
  pass.answers.assign(options.queries * options.k, kNoRow);
  contestant.prepare(effort);
  Work work{contestant, options, pass.answers};
  auto start = std::chrono::steady_clock::now();
  TRY(run_on_threads(work, threads));
  double seconds = Seconds(std::chrono::steady_clock::now() - start).count();
  pass.qps = static_cast<double>(options.queries) / std::max(seconds, 1e-9);
  return pass;
}

Result<void> check_options(const SweepOptions& options) {
  if (options.queries == 0) return invalid_argument("sweep: no queries; give at least one");
  if (options.efforts.empty()) return invalid_argument("sweep: no efforts; give at least one");
  if (options.passes < 1) return invalid_argument("sweep: passes = {}; at least 1 is needed", options.passes);
  if (options.k == 0) return invalid_argument("sweep: k = 0; at least 1 is needed");
  return {};
}

bool finished(const Curve& curve, const SweepOptions& options) {
  return !curve.points.empty() && curve.points.back().recall >= options.recall_enough;
}

/// Between a (lower recall) and b, log(rate) linear in recall.
double interpolate(const CurvePoint& a, const CurvePoint& b, double recall) {
  if (b.recall <= a.recall) return b.qps;
  double share = (recall - a.recall) / (b.recall - a.recall);
  return std::exp(std::log(a.qps) + share * (std::log(b.qps) - std::log(a.qps)));
}

/// The two neighbours around `recall` on a frontier (the same point twice below its start).
std::optional<std::pair<CurvePoint, CurvePoint>> around(const std::vector<CurvePoint>& points,
                                                        double recall) {
  for (size_t i = 0; i < points.size(); ++i)
    if (points[i].recall >= recall) return std::pair(points[i == 0 ? 0 : i - 1], points[i]);
  return std::nullopt;
}

}  // namespace

Result<std::vector<Curve>> sweep(std::span<const Contestant> contestants, const SweepOptions& options,
                                 const RecallFn& recall) {
  TRY(check_options(options));
  std::vector<Curve> curves;
  for (const Contestant& contestant : contestants) curves.push_back({contestant.name, {}});
  PinnedThread pinned;
  for (uint32_t effort : options.efforts) {
    std::vector<CurvePoint> points(contestants.size(), CurvePoint{effort, 0, 0});
    for (int number = 0; number < options.passes; ++number) {
      for (size_t i = 0; i < contestants.size(); ++i) {
        if (finished(curves[i], options)) continue;
        Pass pass = TRY(run_pass(contestants[i], effort, 1, options));
        points[i].qps = std::max(points[i].qps, pass.qps);
        if (number == 0) points[i].recall = recall(pass.answers);
      }
    }
    for (size_t i = 0; i < contestants.size(); ++i)
      if (!finished(curves[i], options)) curves[i].points.push_back(points[i]);
  }
  return curves;
}

std::vector<CurvePoint> frontier(const Curve& curve) {
  std::vector<CurvePoint> points = curve.points;
  std::sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) {
    return a.recall > b.recall || (a.recall == b.recall && a.qps > b.qps);
  });
  std::vector<CurvePoint> best;
  for (const CurvePoint& point : points)
    if (best.empty() || point.qps > best.back().qps) best.push_back(point);
  std::reverse(best.begin(), best.end());
  return best;
}

std::optional<double> qps_at(const Curve& curve, double recall) {
  auto pair = around(frontier(curve), recall);
  if (!pair) return std::nullopt;
  return interpolate(pair->first, pair->second, recall);
}

Result<double> measure_qps(const Contestant& contestant, uint32_t effort, size_t threads,
                           const SweepOptions& options) {
  TRY(check_options(options));
  PinnedThread pinned(threads);
  double best = 0;
  for (int number = 0; number < options.passes; ++number) {
    Pass pass = TRY(run_pass(contestant, effort, threads, options));
    best = std::max(best, pass.qps);
  }
  return best;
}

Result<std::optional<double>> threaded_qps_at(const Contestant& contestant, const Curve& curve, double recall,
                                              size_t threads, const SweepOptions& options) {
  auto pair = around(frontier(curve), recall);
  if (!pair) return std::optional<double>();
  pair->second.qps = TRY(measure_qps(contestant, pair->second.effort, threads, options));
  if (pair->first.effort == pair->second.effort) return std::optional<double>(pair->second.qps);
  pair->first.qps = TRY(measure_qps(contestant, pair->first.effort, threads, options));
  return std::optional<double>(interpolate(pair->first, pair->second, recall));
}

}  // namespace kith::bench
