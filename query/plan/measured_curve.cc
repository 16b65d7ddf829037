#include "query/plan/measured_curve.h"

#include <algorithm>
#include <cmath>

namespace kith {
namespace {

constexpr size_t kPilots = 6;             // queries that are measured at every effort that is not too slow
constexpr double kHopeless = 2;           // times the most that a plan may take
constexpr double kUnseenMisses = 0.25;    // as if so much of a hit more had been missed
constexpr double kIntervalErrors = 1.96;  // standard errors to the end of a 95 % interval

/// How long a search is, roughly: what its time is divided by to compare it with others.
double length_of(const SearchStats& stats) {
  return static_cast<double>(stats.full_distances + stats.code_distances + stats.hops) + 1;
}

double median_of(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return double{*middle};
}

double mean_of(const std::vector<float>& values) {
  double sum = 0;
  for (const float value : values) sum += double{value};
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// Of the mean. At least what hits that come and go one by one would give, for where nothing was missed the
/// queries seen tell nothing of those that will be.
double standard_error(const std::vector<float>& recalls, double mean, uint32_t k) {
  const auto count = static_cast<double>(recalls.size());
  double squares = 0;
  for (const float recall : recalls) squares += (double{recall} - mean) * (double{recall} - mean);
  const double of_queries = squares / std::max(1.0, count - 1) / count;
  const double hits = count * k;
  const double missed = ((1 - mean) * hits + kUnseenMisses) / (hits + 2 * kUnseenMisses);
  return std::sqrt(std::max(of_queries, missed * (1 - missed) / hits));
}

}  // namespace

/// Whether this query is measured further up does not depend on how it fared itself, or recall at more effort
/// would be that of hard queries.
std::optional<uint32_t> MeasuredCurve::next_effort(const Limits& limits) {
  if (at_ == 0 && !steps_.empty() && hopeless(limits)) return std::nullopt;
  if (at_ > 0 && (first_ == 0 || suffices(steps_[at_ - 1], limits))) return std::nullopt;
  if (at_ < steps_.size()) return steps_[at_].effort;
  const uint32_t before = steps_.empty() ? 0 : steps_.back().effort;
  double effort = first_ * std::pow(growth_, static_cast<double>(at_));
  if (at_ > 0) effort = std::max(effort, before + 1.0);
  if (at_ > 0 && effort > limits.effort_max) return std::nullopt;
  steps_.emplace_back().effort =
      static_cast<uint32_t>(std::min(std::ceil(effort), static_cast<double>(UINT32_MAX)));
  return steps_.back().effort;
}

/// So slow at the least effort that no more queries are needed to see it.
bool MeasuredCurve::hopeless(const Limits& limits) const {
  return limits.nanoseconds_max > 0 && queries() >= 2 * kPilots &&
         nanoseconds_of(steps_.front()) > kHopeless * limits.nanoseconds_max;
}

bool MeasuredCurve::suffices(const Step& step, const Limits& limits) const {
  const size_t count = step.recalls.size();  // this query among them
  if (limits.nanoseconds_max > 0 && nanoseconds_of(step) > limits.nanoseconds_max) return true;
  if (count <= kPilots) return false;
  const double others = mean_of(step.recalls) * static_cast<double>(count) - double{step.recalls.back()};
  return others / static_cast<double>(count - 1) >= limits.recall_enough;
}

void MeasuredCurve::add(const MeasuredSearch& search) {
  Step& step = steps_[at_++];
  step.recalls.push_back(static_cast<float>(search.recall));
  step.paces.push_back(static_cast<float>(search.nanoseconds / length_of(search.stats)));
  step.stats.add(search.stats);
  step.fell_back += search.fell_back;
}

double MeasuredCurve::enough_nanoseconds(double recall_enough) const {
  for (const Step& step : steps_)
    if (!step.recalls.empty() && mean_of(step.recalls) >= recall_enough) return nanoseconds_of(step);
  return 0;
}

/// Of the mean search. A few long ones count as what they are, interruptions of short ones do not.
double MeasuredCurve::nanoseconds_of(const Step& step) {
  const auto count = static_cast<double>(step.paces.size());
  return median_of(step.paces) * (length_of(step.stats) + count - 1) / count;
}

CalibrationPoint MeasuredCurve::point_of(const Step& step) const {
  const auto count = static_cast<double>(step.recalls.size());
  const auto mean = [&](uint64_t sum) { return static_cast<double>(sum) / count; };
  CalibrationPoint point;
  point.plan = key_.plan;
  point.share = static_cast<float>(key_.share);
  point.correlation = static_cast<float>(key_.correlation);
  point.k = key_.k;
  point.effort = step.effort;
  point.queries = static_cast<uint32_t>(step.recalls.size());
  const double recall = mean_of(step.recalls);
  const bool exact = first_ == 0;
  const double error = exact ? 0 : standard_error(step.recalls, recall, key_.k);
  point.recall = static_cast<float>(recall);
  point.recall_low =
      std::min(point.recall, static_cast<float>(std::max(0.0, recall - kIntervalErrors * error)));
  point.nanoseconds = static_cast<float>(nanoseconds_of(step));
  point.work = {mean(step.stats.full_distances), mean(step.stats.code_distances), mean(step.stats.hops),
                mean(step.stats.predicate_evaluations), mean(step.stats.ios)};
  return point;
}

void MeasuredCurve::finish(std::vector<CalibrationPoint>& points, std::vector<CostSample>& costs) const {
  for (const Step& step : steps_) {
    const size_t count = step.recalls.size();  // which queries they are is chance
    if (count < 2 * kPilots && count * 3 < steps_.front().recalls.size()) break;
    points.push_back(point_of(step));
    if (step.fell_back == 0)
      costs.push_back({key_.plan, points.back().work, double{points.back().nanoseconds}});
  }
}

}  // namespace kith
