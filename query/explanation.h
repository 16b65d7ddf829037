// Explanation: what a search was expected to do and how long its phases took, where Query::explain asks.
// PUBLIC: part of libkith.
#pragma once

#include <cstdint>

#include "query/plan/planner.h"

namespace kith {

struct PhaseTimes {
  uint64_t filter_ns = 0;  // which rows satisfy the filter
  uint64_t plan_ns = 0;
  uint64_t search_ns = 0;  // the index
  uint64_t fetch_ns = 0;   // ids, payloads, vectors
};

struct Explanation {
  Plan plan;
  bool calibrated = false;               // false: nothing was measured yet, the plan is the index's own
  FilterPlan begun = FilterPlan::kAuto;  // of the search, as in SearchAnswer
  FilterPlan done = FilterPlan::kAuto;
  PhaseTimes times;
};

}  // namespace kith
