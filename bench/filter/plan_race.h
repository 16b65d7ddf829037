// PlanRace: searches by the planner's choice beside searches by every plan, over the same queries and
// filters.
#pragma once

#include <string>
#include <vector>

#include "base/row_set.h"
#include "index/index.h"
#include "query/plan/calibration.h"
#include "query/plan/planner.h"

namespace kith::bench {

/// One random filter a query, of one share and correlation.
struct RaceFilters {
  double share = 1;
  double correlation = 1;
  std::vector<RowSet> allowed;
};

/// Means over the queries.
struct RaceEntry {
  FilterPlan plan = FilterPlan::kAuto;
  uint32_t effort = 0;
  double recall = 0;
  double nanoseconds = 0;
};

struct RaceResult {
  RaceEntry chosen;        // plan and effort of the last query
  RaceEntry best;          // of those that reach the target
  double planning_ns = 0;  // of each query, of chosen.nanoseconds
  double correlation = 1;  // as the last query's plan had it
  std::vector<RaceEntry> others;

  double regret() const { return chosen.nanoseconds / best.nanoseconds; }
  std::string described() const;
};

class PlanRace {
 public:
  PlanRace(const Index& index, const Calibration& calibration, uint64_t rows, double target, int passes)
      : index_(index), calibration_(calibration), rows_(rows), target_(target), passes_(passes) {}

  Result<RaceFilters> filters(VectorBlock queries, double share, double correlation, uint64_t seed) const;
  Result<RaceResult> of_all(VectorBlock queries, uint32_t k) const;
  Result<RaceResult> under(VectorBlock queries, const RaceFilters& filters, uint32_t k) const;

 private:
  struct Field;  // what all entries of a race share
  Result<RaceResult> race(const Field& field, std::span<const FilterPlan> plans) const;
  Result<RaceEntry> measure(const Field& field, FilterPlan plan, uint32_t effort) const;
  Result<void> sweep(const Field& field, FilterPlan plan, RaceResult& result) const;
  Result<void> measure_chosen(const Field& field, RaceResult& result) const;
  Result<std::vector<float>> bounds(const Field& field) const;

  const Index& index_;
  const Calibration& calibration_;
  uint64_t rows_;
  double target_;
  int passes_;
};

}  // namespace kith::bench
