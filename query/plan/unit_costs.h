// What a unit of work costs, from searches that were measured: non-negative least squares of relative errors.
#pragma once

#include <span>

#include "query/plan/calibration.h"

namespace kith {

/// Searches of one kind: what they did and took.
struct CostSample {
  FilterPlan plan = FilterPlan::kAuto;
  MeanWork work;
  double nanoseconds = 0;  // > 0
};

/// Walks give what distances, hops, predicates and IOs cost; what is left of scans after these gives rows and
/// codes in order. Units that no sample did cost nothing.
UnitCosts fit_unit_costs(std::span<const CostSample> samples);

}  // namespace kith
