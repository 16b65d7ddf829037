#include "query/plan/plan_table.h"

#include <algorithm>
#include <cmath>

#include "query/plan/calibration.h"
#include "query/plan/missed_law.h"

namespace kith {
namespace {

constexpr double kIntervalErrors = 1.96;  // standard errors in half of a 95 % interval
constexpr double kAimedErrors = 1;        // how many of them a recall is taken to be lower
constexpr double kTail = 3.5;             // how far a curve is drawn beyond its points, as log effort
constexpr double kTailStep = 0.25;
constexpr double kMissedFloor = 1e-4;  // added to shares missed, which have no logarithm at 0

/// Replaces what decreases by weighted means of neighbours (pool adjacent violators).
void make_ascending(std::vector<double>& values, const std::vector<double>& weights) {
  struct Block {
    double sum, weight;
    size_t count;
    double mean() const { return sum / weight; }
  };
  std::vector<Block> blocks;
  for (size_t i = 0; i < values.size(); ++i) {
    blocks.push_back({values[i] * weights[i], weights[i], 1});
    while (blocks.size() > 1 && blocks[blocks.size() - 2].mean() > blocks.back().mean()) {
      const Block last = blocks.back();
      blocks.pop_back();
      blocks.back().sum += last.sum;
      blocks.back().weight += last.weight;
      blocks.back().count += last.count;
    }
  }
  size_t at = 0;
  for (const Block& block : blocks)
    for (size_t i = 0; i < block.count; ++i) values[at++] = block.mean();
}

double log_effort_of(const CalibrationPoint& point) {
  return point.effort == 0 ? 0 : std::log(static_cast<double>(point.effort) / point.k);
}

/// What was measured may be higher than what is true, so a part of the interval is taken off.
double aimed_recall(const CalibrationPoint& point) {
  const double half = std::max(0.0, double{point.recall} - point.recall_low);
  return point.recall - half * (kAimedErrors / kIntervalErrors);
}

/// A curve by log effort, and behind its points its tail.
struct CurveParts {
  std::vector<uint32_t> points;
  std::vector<double> efforts, missed, aimed, costs;  // all logarithms

  /// Points whose effort is none, among others, are left out.
  CurveParts(const std::vector<CalibrationPoint>& all, size_t begin, size_t end) {
    std::vector<double> queries, recalls, aims;
    MissedLaw::Sample told;
    for (size_t i = begin; i < end; ++i) {
      const double effort = log_effort_of(all[i]);
      if (!efforts.empty() && effort <= efforts.back()) continue;
      points.push_back(static_cast<uint32_t>(i));
      efforts.push_back(effort);
      queries.push_back(std::max(1u, all[i].queries));
      recalls.push_back(std::clamp(double{all[i].recall}, 0.0, 1.0));
      aims.push_back(std::clamp(aimed_recall(all[i]), 0.0, recalls.back()));
      costs.push_back(std::log(std::max(1.0, double{all[i].nanoseconds})));
      told.add(effort, 1 - recalls.back(), queries.back());
    }
    for (std::vector<double>* values : {&recalls, &aims, &costs}) make_ascending(*values, queries);
    for (size_t i = 0; i < points.size(); ++i) {
      missed.push_back(1 - recalls[i]);
      aimed.push_back(1 - aims[i]);
    }
    if (const auto law = told.law()) {
      correct(*law, queries);
      draw_on(*law);
    }
    for (std::vector<double>* shares : {&missed, &aimed})
      for (double& share : *shares) share = std::log(share + kMissedFloor);
  }

  /// More effort still misses no more: what is said of less holds of it.
  void correct(const MissedLaw& law, const std::vector<double>& queries) {
    double missed_before = 1, aimed_before = 1;
    for (size_t i = 0; i < points.size(); ++i) {
      missed_before = missed[i] = std::min(missed_before, law.corrected(efforts[i], missed[i], queries[i]));
      aimed_before = aimed[i] = std::min(aimed_before, std::max(aimed[i], missed[i]));
    }
  }

  void draw_on(const MissedLaw& law) {
    const double last = efforts.back(), missed_last = missed.back(), aimed_last = aimed.back();
    const double cost_last = costs.back(), cost_slope = slope();
    for (double beyond = kTailStep; beyond <= kTail; beyond += kTailStep) {
      efforts.push_back(last + beyond);
      missed.push_back(missed_last * std::exp(law.slope() * beyond));
      aimed.push_back(aimed_last * std::exp(law.slope() * beyond));
      costs.push_back(cost_last + cost_slope * beyond);
    }
  }

  static double read(const std::vector<double>& values, Bracket at) {
    return at.upper > 0 ? values[at.low] + at.upper * (values[at.low + 1] - values[at.low]) : values[at.low];
  }
  static float missed_of(double log_missed) {
    return static_cast<float>(std::clamp(std::exp(log_missed) - kMissedFloor, 0.0, 1.0));
  }

  PlanTable::Curve::Sample sample(double effort) const {
    const Bracket at = Bracket::of(efforts, effort, [](double value) { return value; });
    return {missed_of(read(missed, at)), missed_of(read(aimed, at)), static_cast<float>(read(costs, at))};
  }
  /// Of log cost over log effort in the upper half of the points; 1 where effort is all that costs.
  double slope() const {
    const size_t n = points.size(), middle = n / 2;
    if (n < 2) return 0;
    const size_t from = std::min(middle, n - 2);
    return std::clamp((costs[n - 1] - costs[from]) / (efforts[n - 1] - efforts[from]), 0.5, 1.0);
  }
};

PlanTable::Curve curve_of(const std::vector<CalibrationPoint>& points, size_t begin, size_t end) {
  const CurveParts parts(points, begin, end);
  PlanTable::Curve curve;
  curve.log_k = std::log(static_cast<double>(points[begin].k));
  for (size_t i = 0; i < parts.points.size(); ++i) curve.knots.push_back({parts.efforts[i], parts.points[i]});
  curve.first = static_cast<int>(std::floor(parts.efforts.front() / PlanTable::Curve::kStep));
  const int last = static_cast<int>(std::ceil(parts.efforts.back() / PlanTable::Curve::kStep));
  for (int i = curve.first; i <= last; ++i)
    curve.samples.push_back(parts.sample(i * PlanTable::Curve::kStep));
  curve.slope = static_cast<float>(parts.slope() * PlanTable::Curve::kStep);
  return curve;
}

}  // namespace

PlanTable::PlanTable() = default;
PlanTable::PlanTable(const PlanTable& other) = default;
PlanTable::PlanTable(PlanTable&& other) noexcept = default;
PlanTable::~PlanTable() = default;

PlanTable& PlanTable::operator=(PlanTable other) noexcept {
  std::swap(plans_, other.plans_);
  std::swap(cheapest_, other.cheapest_);
  return *this;
}

PlanTable::PlanTable(const Calibration& calibration) {
  const std::vector<CalibrationPoint>& points = calibration.points;
  const auto same_curve = [](const CalibrationPoint& a, const CalibrationPoint& b) {
    return a.plan == b.plan && a.share == b.share && a.correlation == b.correlation && a.k == b.k;
  };
  for (size_t begin = 0, end; begin < points.size(); begin = end) {
    const CalibrationPoint& first = points[begin];
    for (end = begin; end < points.size() && same_curve(first, points[end]);) ++end;
    std::vector<ShareRow>& shares = plans_[static_cast<size_t>(first.plan)];
    const double log_share = std::log(double{first.share});
    if (shares.empty() || shares.back().log_share != log_share) shares.push_back({log_share, {}});
    std::vector<CorrelationRow>& rows = shares.back().rows;
    const double log_correlation = std::log(double{first.correlation});
    if (rows.empty() || rows.back().log_correlation != log_correlation) rows.push_back({log_correlation, {}});
    rows.back().curves.push_back(curve_of(points, begin, end));
    double& cheapest = cheapest_[static_cast<size_t>(first.plan)];
    const double cost = std::exp(double{rows.back().curves.back().samples.front().log_cost});
    cheapest = cheapest == 0 ? cost : std::min(cheapest, cost);
  }
}

double PlanTable::log_correlation_min(FilterPlan plan) const {
  double least = 0;
  for (const ShareRow& share : plans_[static_cast<size_t>(plan)])
    least = std::min(least, share.rows.front().log_correlation);
  return least;
}

double PlanTable::log_correlation_max(FilterPlan plan) const {
  double most = 0;
  for (const ShareRow& share : plans_[static_cast<size_t>(plan)])
    most = std::max(most, share.rows.back().log_correlation);
  return most;
}

void PlanTable::mix_curves(const CorrelationRow& row, double log_k, double weight, Mix& mix) {
  const Bracket at = Bracket::of(row.curves, log_k, [](const Curve& curve) { return curve.log_k; });
  mix.add(row.curves[at.low], weight * (1 - at.upper));
  if (at.upper > 0) mix.add(row.curves[at.low + 1], weight * at.upper);
}

void PlanTable::mix_rows(const ShareRow& row, const Place& place, double weight, Mix& mix) {
  const Bracket at =
      Bracket::of(row.rows, place.log_correlation, [](const CorrelationRow& r) { return r.log_correlation; });
  mix_curves(row.rows[at.low], place.log_k, weight * (1 - at.upper), mix);
  if (at.upper > 0) mix_curves(row.rows[at.low + 1], place.log_k, weight * at.upper, mix);
}

PlanTable::Mix PlanTable::around(FilterPlan plan, const Place& place) const {
  Mix mix;
  const std::vector<ShareRow>& shares = plans_[static_cast<size_t>(plan)];
  if (shares.empty()) return mix;
  const Bracket at = Bracket::of(shares, place.log_share, [](const ShareRow& row) { return row.log_share; });
  mix_rows(shares[at.low], place, 1 - at.upper, mix);
  if (at.upper > 0) mix_rows(shares[at.low + 1], place, at.upper, mix);
  const double below = std::min(0.0, place.log_share - shares.front().log_share);
  const double above = std::max(0.0, place.log_share - shares.back().log_share);
  const double more_k = place.log_k - shares[at.low].rows.front().curves.back().log_k;
  const bool meets_others = plan != FilterPlan::kAuto && plan != FilterPlan::kLabels;
  double log_scale = 0;
  if (plan == FilterPlan::kScan || plan == FilterPlan::kCodeScan)
    log_scale = below + above;
  else
    log_scale = std::max(0.0, more_k) - (meets_others ? below : 0);
  if (log_scale != 0) mix.scale_ = std::exp(log_scale);
  return mix;
}

float PlanTable::Curve::log_cost(int sample) const {
  const int beyond = sample - first - static_cast<int>(samples.size()) + 1;
  return clamped(sample).log_cost + static_cast<float>(std::max(0, beyond)) * slope;
}

const PlanTable::Curve::Sample& PlanTable::Curve::clamped(int sample) const {
  return samples[static_cast<size_t>(std::clamp(sample - first, 0, static_cast<int>(samples.size()) - 1))];
}

void PlanTable::Mix::add(const Curve& curve, double weight) {
  const double first = curve.knots.front().log_effort,
               last = (curve.first + static_cast<int>(curve.samples.size()) - 1) * Curve::kStep;
  effort_min_ = count_ == 0 ? first : std::min(effort_min_, first);
  effort_max_ = count_ == 0 ? last : std::max(effort_max_, last);
  parts_[count_++] = {&curve, weight};
}

CurveValue PlanTable::Mix::at(double log_effort) const {
  const double place = std::clamp(log_effort / Curve::kStep, -1e6, 1e6);
  const int low = static_cast<int>(std::floor(place));
  const double upper = place - low;
  CurveValue value{0, 0, 0};
  double cost = 0;
  for (int i = 0; i < count_; ++i) {
    const auto& [curve, weight] = parts_[i];
    const Curve::Sample &a = curve->clamped(low), &b = curve->clamped(low + 1);
    value.missed += weight * (double{a.missed} + upper * (double{b.missed} - a.missed));
    value.aimed += weight * (double{a.aimed} + upper * (double{b.aimed} - a.aimed));
    const double below = curve->log_cost(low);
    cost += weight * (below + upper * (curve->log_cost(low + 1) - below));
  }
  value.nanoseconds = std::exp(cost) * scale_;
  return value;
}

double PlanTable::Mix::aimed_at(int sample) const {
  double sum = 0;
  for (int i = 0; i < count_; ++i) sum += parts_[i].weight * double{parts_[i].curve->clamped(sample).aimed};
  return sum;
}

/// Finds the first sample that misses little enough, then the place between it and the one before: all curves
/// are linear there.
double PlanTable::Mix::effort_for(double missed) const {
  if (at(effort_min_).aimed <= missed) return effort_min_;
  int low = static_cast<int>(std::floor(effort_min_ / Curve::kStep));
  int high = static_cast<int>(std::ceil(effort_max_ / Curve::kStep));
  double above = aimed_at(low), below = aimed_at(high);
  if (below > missed) return high * Curve::kStep;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    const double found = aimed_at(middle);
    (found <= missed ? high : low) = middle;
    (found <= missed ? below : above) = found;
  }
  const double upper = above > below ? (above - missed) / (above - below) : 1;
  return std::max(effort_min_, (low + std::clamp(upper, 0.0, 1.0)) * Curve::kStep);
}

}  // namespace kith
