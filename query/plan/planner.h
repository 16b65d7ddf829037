// Planner: the cheapest plan of one search whose predicted recall meets the target. Pure arithmetic over a
// Calibration: no locks, no IO, no allocation unless asked to explain; about a microsecond without a filter,
// a few with one.
//
// Recall is aimed at by its lower end: one standard error below what was measured has to reach the target, or
// what the rest of the curve says where that is less. An index that has grown since is walked with more
// effort, as the logarithm of its rows.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "query/plan/calibration.h"

namespace kith {

/// What is asked.
struct PlanQuestion {
  uint64_t rows = 0;     // live, of the index
  uint64_t matches = 0;  // allowed by the filter; rows without one
  bool filtered = false;
  /// Rows with the labels by which the filter can be answered, `matches` at least; none: it cannot.
  std::optional<uint64_t> labeled = {};
  uint32_t labels = 1;  // so many: a walk for any of several has a beam for each
  uint32_t k = 10;
  double recall_target = 0.95;             // from 1 on: exact
  uint32_t effort = 0;                     // ≠ 0: taken as it is, and recall is only predicted
  std::optional<double> correlation = {};  // κ of this filter as searches before saw it; none: 1 is expected
  /// The filter comes again and again and nothing is known of its κ: a walk may be tried for what it tells,
  /// where one would be cheaper if the rows lay near the query. It costs little beside the scan.
  bool explore = false;
  std::optional<FilterPlan> plan = {};  // asked for by name
};

/// One way to answer, and what it is expected to come to.
struct PlanEstimate {
  FilterPlan plan = FilterPlan::kAuto;
  uint32_t effort = 0;     // 0: the plan has none, or the kind's default
  double recall = 0;       // 0 and no time: nothing like it was measured
  double nanoseconds = 0;  // finite
  MeanWork work;
  bool reaches = true;  // the target, as far as was measured
};

/// What one search does: plain, printable.
struct Plan {
  PlanEstimate chosen;       // plan kScan without a filter: of all rows
  double recall_target = 0;  // 0: an effort was asked for
  double share = 1;          // s
  double correlation = 1;    // κ
  bool correlation_known = false;
  bool explores = false;       // `correlation` is hoped for
  uint64_t distances_max = 0;  // after so many a walk is given up for `fallback`; 0: the index's own rule
  FilterPlan fallback = FilterPlan::kAuto;  // kAuto: there is no walk to be given up, or the index's own rule
  bool fallback_reaches = false;            // the target, at the effort chosen
  std::vector<PlanEstimate> others;         // cheapest first; filled where explain asks
  UnitCosts costs;                          // that nanoseconds are split by; filled where explain asks
};

/// `calibration` null: nothing was measured yet, the index's own rules (FilterPlan::kAuto, default effort).
/// `explain`: also what all other plans would cost. Without one that is asked for by name, the plan reaches
/// the target if any does; a scan always does.
Plan make_plan(const Calibration* calibration, const PlanQuestion& question, bool explain = false);

}  // namespace kith
