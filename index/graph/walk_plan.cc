#include "index/graph/walk_plan.h"

#include <algorithm>
#include <cmath>

namespace kith {
namespace {

constexpr double kStepDegree = 16;    // distances that a walk takes per candidate of its beam, about
constexpr double kWalkedWork = 2;     // what a distance costs in a walk, in distances of a scan
constexpr double kSurprise = 4;       // a walk that takes so many times what was expected meets another data
constexpr double kTwoHopShare = 0.1;  // below it neighbourhoods of two hops hold too few rows that pass
constexpr double kPostShare = 0.9;    // from it on a filter that is asked afterwards removes next to nothing
constexpr uint64_t kRerankShare = 4;  // candidates of a scan of codes per row of the answer
constexpr uint64_t kExactFew = 2;     // up to so many rows times k are measured exactly at once

double widening(double share) {
  if (share >= 0.5) return 1;
  if (share >= 0.1) return 2;
  return std::exp2(-std::log10(share));
}

/// Nodes that a walk over all of them must go through to find the k nearest that pass.
double all_width(const PlanInput& input) {
  return static_cast<double>(input.k) / input.share() +
         static_cast<double>(input.effort) * widening(input.share());
}

FilterPlan scan_plan(const PlanInput& input) {
  return input.codes && input.matches > kExactFew * input.k ? FilterPlan::kCodeScan : FilterPlan::kScan;
}

/// Lists were made for filters of this share. Beyond it they are too short, and a scan is due.
bool goes_two_hops(const PlanInput& input) {
  return input.gamma > 1 && input.share() * input.gamma >= 1;
}

/// Nodes that the walk goes through which is to save a scan.
double walked_width(const PlanInput& input) {
  const bool own_edges = input.labels || goes_two_hops(input);
  return own_edges ? static_cast<double>(std::max(input.k, input.effort)) : all_width(input);
}

bool scan_is_cheaper(const PlanInput& input) {
  if (input.matches <= std::max(input.k, input.effort)) return true;
  return static_cast<double>(input.matches) <= kWalkedWork * kStepDegree * walked_width(input);
}

/// Who asked for a walk said what it goes on as.
bool has_fallback(const PlanInput& input) {
  return input.fallback == FilterPlan::kScan || input.fallback == FilterPlan::kCodeScan;
}

}  // namespace

uint64_t inline_width(const PlanInput& input) {
  if (input.matches == 0) return 1;
  const auto width = static_cast<uint64_t>(std::ceil(all_width(input) * input.share()));
  const uint64_t most = std::max(input.k, input.effort);
  return std::clamp(width, std::min(2 * input.k, most), most);
}

uint64_t post_width(const PlanInput& input) {
  if (input.matches == 0) return 1;
  const double whole = static_cast<double>(std::max(input.k, input.effort)) / input.share();
  const double width = std::ceil(std::min(whole, all_width(input)));
  return static_cast<uint64_t>(std::clamp(width, 1.0, static_cast<double>(input.nodes)));
}

uint64_t code_scan_width(const PlanInput& input) {
  return std::min(std::max(input.effort, kRerankShare * input.k), input.nodes);
}

FilterPlan first_plan(FilterPlan asked, const PlanInput& input) {
  if (asked == FilterPlan::kCodeScan && !input.codes) return FilterPlan::kScan;
  if (input.matches == 0) return FilterPlan::kScan;
  if (asked == FilterPlan::kLabels && !input.labels)
    return first_plan(has_fallback(input) ? input.fallback : FilterPlan::kAuto, input);
  if (asked != FilterPlan::kAuto) return asked;
  if (scan_is_cheaper(input)) return scan_plan(input);
  if (input.labels) return FilterPlan::kLabels;
  if (goes_two_hops(input)) return FilterPlan::kTwoHop;
  if (input.gamma > 1) return scan_plan(input);
  return input.share() >= kPostShare ? FilterPlan::kPost : FilterPlan::kInline;
}

FilterPlan next_plan(FilterPlan asked, FilterPlan failed, const PlanInput& input) {
  const bool walked = failed != FilterPlan::kScan && failed != FilterPlan::kCodeScan;
  if (walked && has_fallback(input)) return first_plan(input.fallback, input);
  const bool goes_around = asked == FilterPlan::kAuto && failed == FilterPlan::kInline;
  if (goes_around && input.share() >= kTwoHopShare) return FilterPlan::kTwoHop;
  return failed == FilterPlan::kCodeScan ? FilterPlan::kScan : scan_plan(input);
}

/// All walks of a search together take about as much as the scan that they were to save, at most. One that
/// goes on much longer than expected is among rows that do not pass, far from those that do.
uint64_t walk_budget(FilterPlan asked, FilterPlan plan, const PlanInput& input) {
  if (asked != FilterPlan::kAuto && input.distances_max != 0) return input.distances_max;
  const double scan = static_cast<double>(input.matches);
  const double floor = static_cast<double>(input.k + input.effort);
  double budget = scan;
  if (asked == FilterPlan::kAuto && plan != FilterPlan::kTwoHop)
    budget = std::min(scan / 2, kSurprise * kStepDegree * walked_width(input));
  return static_cast<uint64_t>(std::max(budget, floor));
}

}  // namespace kith
