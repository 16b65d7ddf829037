#include "bench/filter/regret.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/random.h"
#include "bench/filter/plan_race.h"
#include "bench/harness/percentile.h"
#include "bench/harness/sets/bench_set.h"
#include "index/registry.h"
#include "query/plan/calibrate.h"

namespace kith::bench {
namespace {

constexpr uint32_t kKs[] = {1, 10, 100};
constexpr double kCorrelations[] = {0.1, 1, 10};
constexpr uint64_t kSeed = 20261123;
constexpr size_t kWorst = 6;  // cells named in the notes

/// What all cells of one phase come to.
struct Tally {
  std::vector<double> regrets, planning, recalls_over;
  std::vector<std::pair<double, std::string>> cells;
  double planning_ns = 0, total_ns = 0;

  void add(const RaceResult& result, double target, const std::string& name) {
    regrets.push_back(result.regret());
    planning.push_back(result.planning_ns / result.chosen.nanoseconds);
    recalls_over.push_back(result.chosen.recall - target);
    planning_ns += result.planning_ns;
    total_ns += result.chosen.nanoseconds;
    cells.emplace_back(result.regret(), name + ": " + result.described());
    std::fprintf(stderr, "%s\n", cells.back().second.c_str());
  }
};

class RegretRun {
 public:
  RegretRun(std::string name, const RegretOptions& options)
      : name_(std::move(name)), options_(options), pool_(options.threads) {}

  Result<void> run(Tally& measured, Tally& doubled) {
    set_ = TRY(load_bench_set(name_, 0));
    if (set_.queries.rows < 2 * options_.queries)
      return invalid_argument("set '{}' has {} queries; the grid needs {}", name_, set_.queries.rows,
                              2 * options_.queries);
    IndexSpec spec;
    spec.metric = set_.metric;
    spec.dim = set_.base.dim;
    spec.pool = &pool_;
    index_ = TRY(create_index(spec));
    const size_t half = set_.base.rows / 2;
    TRY(add(0, half));
    TRY(measure_calibration(half));
    TRY(measure_grid(half, name_, measured));
    TRY(add(half, set_.base.rows));
    return measure_grid(set_.base.rows, name_ + " doubled", doubled);
  }

 private:
  Result<void> add(size_t begin, size_t end) {
    constexpr size_t kBatch = 1000;
    for (size_t first = begin; first < end; first += kBatch) {
      const size_t count = std::min(kBatch, end - first);
      std::vector<Row> rows(count);
      for (size_t i = 0; i < count; ++i) rows[i] = static_cast<Row>(first + i);
      const VectorBlock all = set_.base.block();
      TRY(index_->add(rows, {all[first].data, all.type, all.dim, count}));
    }
    const IndexKind* kind = TRY(find_index_kind(kDefaultKind));
    return kind->settle(*index_, Stop{});
  }

  /// With the queries at the end of the set's, and where these are too few with rows besides, as collections
  /// do.
  Result<void> measure_calibration(size_t rows) {
    Matrix queries;
    queries.dim = set_.base.dim;
    queries.type = set_.base.type;
    std::vector<Row> stored_as;
    Random random(kSeed);
    const auto take = [&](const Matrix& from, size_t at, Row row) {
      const VectorView vector = from[at];
      queries.data.insert(queries.data.end(), vector.data, vector.data + vector.bytes());
      ++queries.rows;
      stored_as.push_back(row);
    };
    const size_t asked = std::min(options_.asked, set_.queries.rows - options_.queries);
    for (size_t i = 0; i < asked; ++i) take(set_.queries, set_.queries.rows - 1 - i, kNoRow);
    for (size_t i = asked; i < options_.asked; ++i) {
      const auto row = static_cast<Row>(random.below(rows));
      take(set_.base, row, row);
    }
    const RowSet live = RowSet::range(0, rows);
    CalibrateInput input;
    input.queries = queries.block();
    input.stored_as = stored_as;
    input.live = &live;
    const IndexKind* kind = TRY(find_index_kind(kDefaultKind));
    const uint64_t begin = Clock::system().monotonic_ns();
    calibration_ = TRY(calibrate(*index_, *kind, input));
    std::fprintf(stderr, "%s: %zu points measured in %.1f s\n", name_.c_str(), calibration_.points.size(),
                 static_cast<double>(Clock::system().monotonic_ns() - begin) / 1e9);
    return {};
  }

  Result<void> measure_grid(size_t rows, const std::string& name, Tally& tally) {
    const PlanRace race(*index_, calibration_, rows, options_.recall_target, options_.passes);
    for (const uint32_t k : kKs) {
      const RaceResult result = TRY(race.of_all(queries(), k));
      tally.add(result, options_.recall_target, fmt::format("{}, no filter, k {}", name, k));
    }
    const double few = 10 / static_cast<double>(rows);
    for (const double share : {1.0, 0.5, 0.2, 0.05, 0.01, 0.001, few}) {
      double before = 0;
      for (const double correlation : kCorrelations) {
        const RaceFilters filters = TRY(race.filters(queries(), share, correlation, kSeed));
        if (before != 0 && std::abs(std::log(filters.correlation / before)) < 0.01) continue;
        before = filters.correlation;
        for (const uint32_t k : kKs) {
          const RaceResult result = TRY(race.under(queries(), filters, k));
          tally.add(
              result, options_.recall_target,
              fmt::format("{}, share {:.3g}, correlation {:.2g}, k {}", name, share, filters.correlation, k));
        }
      }
    }
    return {};
  }

  VectorBlock queries() const {
    VectorBlock all = set_.queries.block();
    all.count = options_.queries;
    return all;
  }

  std::string name_;
  const RegretOptions& options_;
  ThreadPool pool_;
  BenchSet set_;
  std::unique_ptr<Index> index_;
  Calibration calibration_;
};

Result<void> add_figures(const std::string& prefix, Tally& tally, Report& report) {
  TRY(report.add({prefix + "median", percentile(tally.regrets, 0.5), "ratio", {}}));
  TRY(report.add({prefix + "p95", percentile(tally.regrets, 0.95), "ratio", {}}));
  TRY(report.add({prefix + "max", percentile(tally.regrets, 1), "ratio", {}}));
  TRY(report.add({prefix + "planning_share", tally.planning_ns / tally.total_ns, "share", {}}));
  TRY(report.add({prefix + "planning_share_max", percentile(tally.planning, 1), "share", {}}));
  TRY(report.add({prefix + "recall_minus_target_min", percentile(tally.recalls_over, 0), "share", {}}));
  std::sort(tally.cells.rbegin(), tally.cells.rend());
  for (size_t i = 0; i < std::min(kWorst, tally.cells.size()); ++i) report.note(tally.cells[i].second);
  return {};
}

}  // namespace

RegretOptions regret_options(Extent extent) {
  RegretOptions options;
  options.sets = {"fashion-mnist", "debian", "sift"};
  if (extent == Extent::kFull) return options;
  options.sets = {"fashion-mnist"};
  options.passes = 2;
  if (extent == Extent::kQuick) return options;
  options.sets = {"synthetic"};
  options.queries = options.asked = 10;
  options.passes = 1;
  return options;
}

Result<void> run_regret_suite(const RegretOptions& options, Report& report) {
  if (options.sets.empty()) return {};
  Tally measured, doubled;
  for (const std::string& name : options.sets) TRY(RegretRun(name, options).run(measured, doubled));
  TRY(add_figures("filter/regret/", measured, report));
  return add_figures("filter/regret-doubled/", doubled, report);
}

}  // namespace kith::bench
