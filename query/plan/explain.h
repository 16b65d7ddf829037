// What a plan says of itself, for people and for programs: what was chosen and why, what the other plans
// would have cost, and beside each predicted term what the search really took.
#pragma once

#include <optional>
#include <string>

#include "index/index.h"
#include "query/plan/planner.h"

namespace kith {

/// What a search that followed a plan came to.
struct PlanOutcome {
  FilterPlan begun = FilterPlan::kAuto;  // as in SearchAnswer
  FilterPlan plan = FilterPlan::kAuto;
  SearchStats stats;
  double nanoseconds = 0;  // of the search in the index
};

/// One line on the question, a table of plans, and with an outcome a table of terms. Ends with a newline.
std::string explain_text(const Plan& plan, const std::optional<PlanOutcome>& outcome = {});
/// The same as one object: {"chosen": {…}, "others": […], "share": …, …, "actual": {…}}.
std::string explain_json(const Plan& plan, const std::optional<PlanOutcome>& outcome = {});

}  // namespace kith
