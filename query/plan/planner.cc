#include "query/plan/planner.h"

#include <algorithm>
#include <cmath>

namespace kith {
namespace {

constexpr double kSpread = 2;         // times the mean that many a query takes
constexpr double kWorthTrying = 0.6;  // of the scan, to find out whether a walk is that much cheaper
constexpr double kDistancesMax = 1e18;
constexpr double kEffortMax = 4e9;
constexpr double kRounding = 1e-9;
constexpr double kSurprise = 4;  // times the mean that tells of another correlation than was expected

constexpr FilterPlan kUnderFilter[] = {FilterPlan::kScan, FilterPlan::kCodeScan, FilterPlan::kInline,
                                       FilterPlan::kPost, FilterPlan::kTwoHop,   FilterPlan::kLabels};
constexpr FilterPlan kOfAll[] = {FilterPlan::kScan, FilterPlan::kAuto};

bool is_scan(FilterPlan plan) {
  return plan == FilterPlan::kScan || plan == FilterPlan::kCodeScan;
}

void add_scaled(MeanWork& sum, const MeanWork& work, double factor) {
  sum.full_distances += work.full_distances * factor;
  sum.code_distances += work.code_distances * factor;
  sum.hops += work.hops * factor;
  sum.predicate_evaluations += work.predicate_evaluations * factor;
  sum.ios += work.ios * factor;
}

double distances_of(const MeanWork& work) {
  return work.full_distances + work.code_distances;
}

/// One question against one calibration.
class Planner {
 public:
  Planner(const Calibration& calibration, const PlanQuestion& question)
      : calibration_(calibration), question_(question) {
    rows_ = static_cast<double>(std::max<uint64_t>({question.rows, question.matches, 1}));
    measured_rows_ = static_cast<double>(std::max<uint64_t>(calibration.rows, 2));
    matches_ = question.filtered ? static_cast<double>(question.matches) : rows_;
    k_ = std::max<uint32_t>(question.k, 1);
    correlation_ = std::clamp(question.correlation.value_or(1), 1e-6, 1e6);
    log_k_ = std::log(static_cast<double>(k_));
    log_correlation_ = std::log(correlation_);
    log_matches_ = std::log(std::max(matches_, 1e-3));
    labeled_ = std::max(matches_, static_cast<double>(question.labeled.value_or(0)));
    growth_ = std::log(std::max(rows_, 2.0)) / std::log(measured_rows_);
    missed_max_ = 1 - std::clamp(question.recall_target, 0.0, 1.0);
  }

  double share() const { return matches_ / rows_; }
  double correlation() const { return correlation_; }
  std::span<const FilterPlan> plans() const {
    return question_.filtered ? std::span<const FilterPlan>(kUnderFilter)
                              : std::span<const FilterPlan>(kOfAll);
  }

  /// None where the plan was not measured, or is sure to take `nanoseconds_max` at least. The work of those
  /// that are not chosen need not be known.
  std::optional<PlanEstimate> estimate(FilterPlan plan, double nanoseconds_max) const {
    const double least = calibration_.table.nanoseconds_min(plan) * std::min(1.0, growth_);
    if (!is_scan(plan) && least >= nanoseconds_max) return std::nullopt;
    if (plan == FilterPlan::kLabels && !question_.labeled) return std::nullopt;
    const PlanTable::Mix mix = around(plan, log_correlation_);
    if (mix.empty()) return plan == FilterPlan::kScan ? std::optional(plain_scan()) : std::nullopt;
    const double factor = factor_of(plan);
    if (mix.at(mix.effort_min()).nanoseconds * factor >= nanoseconds_max) return std::nullopt;
    PlanEstimate out;
    out.plan = plan;
    double log_effort = 0;
    if (plan != FilterPlan::kScan) {
      out.effort = question_.effort != 0 ? std::max(question_.effort, effort_min(plan))
                                         : effort_of(plan, mix.effort_for(missed_max_));
      log_effort = log_effort_of(out.effort);
    }
    CurveValue value = mix.at(log_effort);
    out.recall = plan == FilterPlan::kScan ? 1 : 1 - value.missed;
    out.reaches = plan == FilterPlan::kScan || (value.missed <= missed_max_ + kRounding && missed_max_ > 0);
    if (plan == FilterPlan::kLabels && question_.effort == 0) {  // measured for one label
      const double of_all = static_cast<double>(out.effort) * std::max(question_.labels, 1u);
      out.effort = static_cast<uint32_t>(std::min(of_all, kEffortMax));
      value = mix.at(log_effort_of(out.effort));
    }
    out.nanoseconds = std::max(value.nanoseconds * factor, calibration_.costs.search);
    return out;
  }

  void add_work(PlanEstimate& out) const {
    const PlanTable::Mix mix = around(out.plan, log_correlation_);
    const double factor = factor_of(out.plan);
    const double log_effort = out.plan == FilterPlan::kScan ? 0 : log_effort_of(out.effort);
    if (!mix.empty()) out.work = MeanWork{};
    mix.for_each_point(log_effort, [&](uint32_t point, double weight) {
      add_scaled(out.work, calibration_.points[point].work, weight * factor);
    });
  }

  /// Distances after which a walk is given up for `fallback`. Where it would find enough among few rows too,
  /// it may go on until it has cost what the fallback costs, and both together twice the better of them.
  /// Else one that takes much longer than expected has met other data than was measured, and what it finds
  /// falls short. Queries differ, so no walk is given up below twice the mean.
  uint64_t distances_max(const PlanEstimate& walk, const PlanEstimate& fallback) const {
    const double expected = distances_of(walk.work);
    if (!(expected > 0) || !(walk.nanoseconds > 0)) return 0;
    double budget = fallback.nanoseconds / walk.nanoseconds * expected;
    const double least = calibration_.table.log_correlation_min(walk.plan);
    if (least < log_correlation_ &&
        around(walk.plan, least).at(log_effort_of(walk.effort)).missed > missed_max_)
      budget = std::min(budget, kSurprise * expected);
    return static_cast<uint64_t>(std::min(std::max(budget, kSpread * expected), kDistancesMax)) + 1;
  }

 private:
  PlanTable::Mix around(FilterPlan plan, double log_correlation) const {
    const double log_rows = std::log(is_scan(plan) ? measured_rows_ : rows_);
    const double log_share = (plan == FilterPlan::kLabels ? std::log(labeled_) : log_matches_) - log_rows;
    return calibration_.table.around(plan, {log_share, log_correlation, log_k_});
  }

  /// What a search costs, in searches of when it was measured. A walk for labels was measured with filters
  /// that allow all their rows; of others it goes through as many more until it has found as much.
  double factor_of(FilterPlan plan) const {
    if (is_scan(plan)) return 1;
    return plan == FilterPlan::kLabels ? growth_ * labeled_ / std::max(matches_, 1.0) : growth_;
  }

  double log_effort_of(uint32_t effort) const {
    return std::log(static_cast<double>(std::max(effort, 1u)) / (k_ * std::max(1.0, growth_)));
  }

  uint32_t effort_of(FilterPlan plan, double log_effort) const {
    const double effort = std::ceil(std::exp(log_effort) * k_ * std::max(1.0, growth_) * (1 - 1e-9));
    return static_cast<uint32_t>(std::clamp(effort, static_cast<double>(effort_min(plan)), kEffortMax));
  }
  /// Under filters beams hold k at least; without one they may be expanded in part.
  uint32_t effort_min(FilterPlan plan) const { return plan == FilterPlan::kAuto ? 1 : k_; }

  PlanEstimate plain_scan() const {
    PlanEstimate out;
    out.plan = FilterPlan::kScan;
    out.recall = 1;
    out.work.full_distances = out.work.predicate_evaluations = matches_;
    out.nanoseconds = calibration_.costs.of(FilterPlan::kScan, out.work);
    return out;
  }

  const Calibration& calibration_;
  const PlanQuestion& question_;
  double rows_, measured_rows_, matches_, labeled_;
  uint32_t k_;
  double correlation_;
  double log_k_, log_correlation_, log_matches_;
  double growth_;      // of what a walk takes, since the index was measured
  double missed_max_;  // share of the answer that the target leaves
};

/// The cheapest plan that reaches the target, a scan at worst.
PlanEstimate cheapest(const Planner& planner) {
  PlanEstimate best;
  for (const FilterPlan plan : planner.plans()) {
    const bool first = plan == FilterPlan::kScan;
    const auto found = planner.estimate(plan, first ? HUGE_VAL : best.nanoseconds);
    if (found && (first || (found->reaches && found->nanoseconds < best.nanoseconds))) best = *found;
  }
  return best;
}

PlanEstimate by_name(const Planner& planner, const PlanQuestion& question, FilterPlan plan) {
  if (const auto found = planner.estimate(plan, HUGE_VAL)) return *found;
  PlanEstimate unknown;
  unknown.plan = plan;
  unknown.effort = question.effort;
  return unknown;
}

/// What a walk that is given up goes on as: the cheaper of the scans that reach the target.
PlanEstimate fallback_of(const Planner& planner) {
  const PlanEstimate scan = *planner.estimate(FilterPlan::kScan, HUGE_VAL);
  const auto codes = planner.estimate(FilterPlan::kCodeScan, scan.nanoseconds);
  return codes && codes->reaches ? *codes : scan;
}

/// Where the rows lie as near the query as any that were measured, would a walk be much cheaper than `scan`?
std::optional<Plan> exploration(const Calibration& calibration, const PlanQuestion& question,
                                const PlanEstimate& scan) {
  PlanQuestion hoped = question;
  hoped.correlation = std::exp(calibration.table.log_correlation_max(FilterPlan::kInline));
  const Planner planner(calibration, hoped);
  std::optional<PlanEstimate> walk;
  for (const FilterPlan plan : {FilterPlan::kInline, FilterPlan::kPost}) {
    const auto found = planner.estimate(plan, kWorthTrying * scan.nanoseconds);
    const bool pays = found && found->reaches && found->nanoseconds < kWorthTrying * scan.nanoseconds;
    if (pays && (!walk || found->nanoseconds < walk->nanoseconds)) walk = found;
  }
  if (!walk) return std::nullopt;
  planner.add_work(*walk);
  Plan plan;
  plan.chosen = *walk;
  plan.correlation = planner.correlation();
  plan.explores = true;
  plan.distances_max = static_cast<uint64_t>(std::min(kSpread * distances_of(walk->work), kDistancesMax)) + 1;
  plan.fallback = scan.plan;
  plan.fallback_reaches = scan.effort <= walk->effort;
  return plan;
}

void add_others(const Planner& planner, Plan& plan) {
  for (const FilterPlan other : planner.plans()) {
    if (other == plan.chosen.plan) continue;
    auto found = planner.estimate(other, HUGE_VAL);
    if (!found) continue;
    planner.add_work(*found);
    plan.others.push_back(*found);
  }
  std::stable_sort(plan.others.begin(), plan.others.end(), [](const PlanEstimate& a, const PlanEstimate& b) {
    return a.nanoseconds < b.nanoseconds;
  });
}

Plan unmeasured(const PlanQuestion& question) {
  Plan plan;
  plan.chosen.plan = question.plan.value_or(FilterPlan::kAuto);
  plan.chosen.effort = question.effort;
  return plan;
}

/// The shortest of searches, so not a word more than it needs.
Plan scan_of_few(const Calibration& calibration, const PlanQuestion& question) {
  Plan plan;
  plan.chosen.plan = FilterPlan::kScan;
  plan.chosen.recall = 1;
  plan.chosen.work.full_distances = plan.chosen.work.predicate_evaluations =
      static_cast<double>(question.matches);
  plan.chosen.nanoseconds = calibration.costs.of(FilterPlan::kScan, plan.chosen.work);
  plan.recall_target = question.effort != 0 ? 0 : question.recall_target;
  plan.share = plan.chosen.work.full_distances / static_cast<double>(std::max<uint64_t>(question.rows, 1));
  plan.correlation = question.correlation.value_or(1);
  plan.correlation_known = question.correlation.has_value();
  return plan;
}

}  // namespace

Plan make_plan(const Calibration* calibration, const PlanQuestion& question, bool explain) {
  const bool measured = calibration != nullptr &&
                        calibration->table.has(question.filtered ? FilterPlan::kScan : FilterPlan::kAuto);
  if (!measured) return unmeasured(question);
  const bool all = question.filtered && question.matches <= question.k;  // are the answer
  if (all && !question.plan && !explain) return scan_of_few(*calibration, question);
  const Planner planner(*calibration, question);
  Plan plan;
  plan.correlation = planner.correlation();
  if (question.plan)
    plan.chosen = by_name(planner, question, *question.plan);
  else if (all)
    plan.chosen = by_name(planner, question, FilterPlan::kScan);
  else
    plan.chosen = cheapest(planner);
  if (question.explore && question.filtered && !question.plan && is_scan(plan.chosen.plan) && !all)
    if (auto walk = exploration(*calibration, question, plan.chosen)) plan = *walk;
  plan.share = planner.share();
  plan.recall_target = question.effort != 0 ? 0 : question.recall_target;
  plan.correlation_known = question.correlation.has_value();
  const bool walks = question.filtered && !is_scan(plan.chosen.plan) && !plan.explores;
  if (walks || (explain && !plan.explores)) planner.add_work(plan.chosen);
  if (walks && !question.plan) {
    const PlanEstimate fallback = fallback_of(planner);
    plan.distances_max = planner.distances_max(plan.chosen, fallback);
    plan.fallback = fallback.plan;
    plan.fallback_reaches = fallback.effort <= plan.chosen.effort;
  }
  if (explain) {
    add_others(planner, plan);
    plan.costs = calibration->costs;
  }
  return plan;
}

}  // namespace kith
