#include "query/plan/explain.h"

#include <fmt/format.h>

namespace kith {
namespace {

/// A unit of work: its name, how much of it was predicted, and how much there was.
struct Term {
  std::string_view name;
  double MeanWork::*predicted;
  uint64_t SearchStats::*actual;
};
constexpr Term kTerms[] = {
    {"full_distances", &MeanWork::full_distances, &SearchStats::full_distances},
    {"code_distances", &MeanWork::code_distances, &SearchStats::code_distances},
    {"hops", &MeanWork::hops, &SearchStats::hops},
    {"predicate_evaluations", &MeanWork::predicate_evaluations, &SearchStats::predicate_evaluations},
    {"ios", &MeanWork::ios, &SearchStats::ios},
};

/// What one unit of a term costs in a search by `plan`.
double unit_cost(const UnitCosts& costs, FilterPlan plan, const Term& term) {
  MeanWork one;
  one.*term.predicted = 1;
  return costs.of(plan, one) - costs.of(plan, {});
}

std::string_view plan_label(FilterPlan plan) {
  return plan == FilterPlan::kAuto ? "unfiltered" : filter_plan_name(plan);
}

std::string effort_text(uint32_t effort) {
  return effort == 0 ? "-" : fmt::format("{}", effort);
}

std::string estimate_row(const PlanEstimate& estimate, std::string_view mark) {
  std::string row = fmt::format("{:<2}{:<12}{:>7}{:>8.4f}{:>12.1f}", mark, plan_label(estimate.plan),
                                effort_text(estimate.effort), estimate.recall, estimate.nanoseconds / 1e3);
  for (const Term& term : kTerms) row += fmt::format("{:>12.1f}", estimate.work.*term.predicted);
  return row + (estimate.reaches ? "\n" : "  misses the target\n");
}

std::string question_line(const Plan& plan) {
  std::string line = plan.recall_target > 0 ? fmt::format("recall target {}", plan.recall_target)
                                            : fmt::format("effort {}", plan.chosen.effort);
  if (plan.chosen.nanoseconds == 0) return line + "; nothing like it was measured: the index's own rules\n";
  line += fmt::format("; share {:.6g}, correlation {:.3g} ({})", plan.share, plan.correlation,
                      plan.explores            ? "hoped for"
                      : plan.correlation_known ? "seen"
                                               : "expected");
  if (plan.fallback != FilterPlan::kAuto)
    line +=
        fmt::format("; given up after {} distances for {}", plan.distances_max, plan_label(plan.fallback));
  return line + "\n";
}

std::string outcome_table(const Plan& plan, const PlanOutcome& outcome) {
  std::string text = fmt::format("\nran {}", plan_label(outcome.begun));
  if (outcome.plan != outcome.begun) text += fmt::format(", then {}", plan_label(outcome.plan));
  text += fmt::format("\n{:<24}{:>12}{:>12}{:>12}{:>14}{:>12}\n", "term", "predicted", "actual", "ns each",
                      "predicted us", "actual us");
  for (const Term& term : kTerms) {
    const double predicted = plan.chosen.work.*term.predicted;
    const auto actual = static_cast<double>(outcome.stats.*term.actual);
    const double cost = unit_cost(plan.costs, plan.chosen.plan, term);
    const double actual_cost = unit_cost(plan.costs, outcome.plan, term);
    text += fmt::format("{:<24}{:>12.1f}{:>12.0f}{:>12.2f}{:>14.1f}{:>12.1f}\n", term.name, predicted, actual,
                        cost, predicted * cost / 1e3, actual * actual_cost / 1e3);
  }
  text += fmt::format("{:<24}{:>12}{:>12}{:>12.2f}{:>14.1f}{:>12.1f}\n", "search", 1, 1, plan.costs.search,
                      plan.costs.search / 1e3, plan.costs.search / 1e3);
  return text + fmt::format("{:<24}{:>12}{:>12}{:>12}{:>14.1f}{:>12.1f}\n", "time, measured", "", "", "",
                            plan.chosen.nanoseconds / 1e3, outcome.nanoseconds / 1e3);
}

template <typename Value>
std::string work_json(Value value) {
  std::string text;
  for (const Term& term : kTerms)
    text += fmt::format("{}\"{}\":{}", text.empty() ? "{" : ",", term.name, value(term));
  return text + "}";
}

std::string estimate_json(const PlanEstimate& estimate) {
  return fmt::format(R"({{"plan":"{}","effort":{},"recall":{},"nanoseconds":{},"reaches":{},"work":{}}})",
                     plan_label(estimate.plan), estimate.effort, estimate.recall, estimate.nanoseconds,
                     estimate.reaches,
                     work_json([&](const Term& term) { return estimate.work.*term.predicted; }));
}

std::string outcome_json(const PlanOutcome& outcome) {
  return fmt::format(R"({{"begun":"{}","plan":"{}","nanoseconds":{},"work":{}}})", plan_label(outcome.begun),
                     plan_label(outcome.plan), outcome.nanoseconds,
                     work_json([&](const Term& term) { return outcome.stats.*term.actual; }));
}

}  // namespace

std::string explain_text(const Plan& plan, const std::optional<PlanOutcome>& outcome) {
  std::string text = question_line(plan);
  text += fmt::format("  {:<12}{:>7}{:>8}{:>12}{:>12}{:>12}{:>12}{:>12}{:>12}\n", "plan", "effort", "recall",
                      "us", "full", "code", "hops", "asked", "ios");
  text += estimate_row(plan.chosen, "*");
  for (const PlanEstimate& other : plan.others) text += estimate_row(other, "");
  return outcome ? text + outcome_table(plan, *outcome) : text;
}

std::string explain_json(const Plan& plan, const std::optional<PlanOutcome>& outcome) {
  std::string others;
  for (const PlanEstimate& other : plan.others) others += (others.empty() ? "" : ",") + estimate_json(other);
  const std::string units =
      work_json([&](const Term& term) { return unit_cost(plan.costs, plan.chosen.plan, term); });
  return fmt::format(
      R"({{"chosen":{},"others":[{}],"recall_target":{},"share":{},"correlation":{},"correlation_known":{},)"
      R"("explores":{},"distances_max":{},"fallback":"{}","nanoseconds_each":{},"nanoseconds_search":{}{}}})",
      estimate_json(plan.chosen), others, plan.recall_target, plan.share, plan.correlation,
      plan.correlation_known, plan.explores, plan.distances_max, filter_plan_name(plan.fallback), units,
      plan.costs.search, outcome ? ",\"actual\":" + outcome_json(*outcome) : "");
}

}  // namespace kith
