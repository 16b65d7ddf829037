// Random calibrations for tests: any subset of plans, places and efforts, recall and cost in no order, as
// noise might have it.
#pragma once

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "query/plan/calibration.h"

namespace kith::test {

inline std::vector<float> some_of(std::vector<float> values, Random& random) {
  std::vector<float> out;
  for (const float value : values)
    if (random.below(3) != 0) out.push_back(value);
  if (out.empty()) out.push_back(values[random.below(values.size())]);
  return out;
}

inline CalibrationPoint random_point(FilterPlan plan, float share, float correlation, uint32_t k,
                                     uint32_t effort, Random& random) {
  CalibrationPoint point{.plan = plan, .share = share, .correlation = correlation, .k = k, .effort = effort};
  const bool exact = plan == FilterPlan::kScan;
  point.queries = static_cast<uint32_t>(1 + random.below(500));
  point.recall = exact || random.below(4) == 0 ? 1 : static_cast<float>(random.uniform());
  point.recall_low = exact ? 1 : point.recall * static_cast<float>(random.uniform());
  point.nanoseconds = static_cast<float>(100 + 1e6 * random.uniform());
  point.work = {random.uniform() * 1e4, random.uniform() * 1e4, random.uniform() * 1e3,
                random.uniform() * 1e4, random.uniform() * 10};
  return point;
}

inline void add_curve(Calibration& out, FilterPlan plan, float share, float correlation, uint32_t k,
                      Random& random) {
  const auto add = [&](uint32_t effort) {
    out.points.push_back(random_point(plan, share, correlation, k, effort, random));
  };
  if (plan == FilterPlan::kScan) return add(0);
  uint32_t effort = plan == FilterPlan::kAuto ? std::max(1u, k / 16) : k;
  for (uint64_t steps = 1 + random.below(12); steps > 0; --steps) {
    add(effort);
    effort += 1 + static_cast<uint32_t>(random.below(effort));
  }
}

/// With a scan at one share at least, and searches without a filter.
inline Calibration random_calibration(Random& random) {
  Calibration out;
  out.rows = 1 + random.below(10'000'000);
  out.sequence = random.next();
  out.queries = 1 + random.below(1000);
  for (double* cost :
       {&out.costs.search, &out.costs.full_distance, &out.costs.code_distance, &out.costs.hop,
        &out.costs.predicate_evaluation, &out.costs.io, &out.costs.scanned_row, &out.costs.scanned_code})
    *cost = random.below(5) == 0 ? 0 : random.uniform() * 1000;
  for (const float k : some_of({1, 10, 100}, random)) {
    const auto whole = static_cast<uint32_t>(k);
    add_curve(out, FilterPlan::kAuto, 1, 1, whole, random);
    for (const float share : some_of({1, 0.5f, 0.2f, 0.05f, 0.01f, 0.001f}, random)) {
      add_curve(out, FilterPlan::kScan, share, 1, whole, random);
      for (const float correlation : some_of({0.1f, 1, 10}, random))
        for (size_t plan = static_cast<size_t>(FilterPlan::kCodeScan); plan < kFilterPlans; ++plan)
          if (random.below(5) != 0)
            add_curve(out, static_cast<FilterPlan>(plan), share, correlation, whole, random);
    }
  }
  out.prepare();
  return out;
}

}  // namespace kith::test
