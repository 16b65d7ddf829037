// PlanTable: the points of a calibration as curves over effort, and what they say between the places where
// they were measured. A curve belongs to a plan, a share of allowed rows, a correlation κ and a k; it is
// smoothed to what must hold: more effort finds no less and costs no less. What few queries can not tell,
// little that is missed at much effort, is said by the law that the rest of the curve follows, and so is what
// lies beyond the last effort measured (missed_law.h).
//
// Between curves log cost and missed share are linear in log share, log κ and log k, at equal effort / k. The
// mean of shares missed, not of their logarithms: whatever lies between a curve that finds all and one that
// does not is taken to miss half. Along a curve both are linear in logarithms; it is kept as samples in equal
// steps of log(effort / k), the same for all curves, so that a mix of them is read without searching.
// Beyond the measured: a scan costs by the row; a walk under a filter goes through k / s nodes, so below the
// least share measured its cost is inverse to s (but for a walk for labels, whose share is that of the rows
// that it keeps to), and above the greatest k it grows with k; other axes keep their last value.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "index/index.h"

namespace kith {

class Calibration;

/// What a table says of a plan at one place and effort.
struct CurveValue {
  double missed = 1;  // 1 - recall, mean
  double aimed = 1;   // the same of a recall that is low by a part of its interval
  double nanoseconds = 0;
};

class PlanTable {
 public:
  /// Natural logarithms of a share, a correlation and a k.
  struct Place {
    double log_share = 0;
    double log_correlation = 0;
    double log_k = 0;
  };
  struct Curve;
  struct CorrelationRow;
  struct ShareRow;

  /// The curves around a place, each with its weight, and by how much more a search there costs. Valid as
  /// long as the table.
  class Mix {
   public:
    bool empty() const { return count_ == 0; }
    /// Least of the efforts measured, as log(effort / k), as all efforts here.
    double effort_min() const { return effort_min_; }
    CurveValue at(double log_effort) const;
    /// Least effort whose aimed share missed is at most `missed`; the greatest of the tails where there is
    /// none.
    double effort_for(double missed) const;
    /// visit(point, weight): the points around `log_effort`; times cost of a search that was measured.
    template <typename Visit>
    void for_each_point(double log_effort, Visit visit) const;

   private:
    friend class PlanTable;
    static constexpr int kCurvesMax = 8;
    void add(const Curve& curve, double weight);
    double aimed_at(int sample) const;

    struct Part {
      const Curve* curve;
      double weight;
    };
    Part parts_[kCurvesMax];
    int count_ = 0;
    double effort_min_ = 0, effort_max_ = 0;
    double scale_ = 1;
  };

  PlanTable();
  explicit PlanTable(const Calibration& calibration);
  PlanTable(const PlanTable& other);
  PlanTable(PlanTable&& other) noexcept;
  PlanTable& operator=(PlanTable other) noexcept;
  ~PlanTable();

  bool has(FilterPlan plan) const { return !plans_[static_cast<size_t>(plan)].empty(); }
  /// The least that its curves say of a plan; 0 where it has none. Only scans are read below that.
  double nanoseconds_min(FilterPlan plan) const { return cheapest_[static_cast<size_t>(plan)]; }
  /// Empty where the plan was not measured.
  Mix around(FilterPlan plan, const Place& place) const;
  /// Logarithms of the least and greatest correlation that were measured of a plan; 0 where none.
  double log_correlation_min(FilterPlan plan) const;
  double log_correlation_max(FilterPlan plan) const;

 private:
  static void mix_curves(const CorrelationRow& row, double log_k, double weight, Mix& mix);
  static void mix_rows(const ShareRow& row, const Place& place, double weight, Mix& mix);

  std::vector<ShareRow> plans_[kFilterPlans];  // by share
  double cheapest_[kFilterPlans] = {};
};

/// One curve: points as they were measured, and samples between them.
struct PlanTable::Curve {
  static constexpr double kStep = 0.1;  // between samples: a tenth more effort

  struct Knot {
    double log_effort = 0;
    uint32_t point = 0;  // of the calibration
  };
  struct Sample {
    float missed = 0, aimed = 0;
    float log_cost = 0;  // of nanoseconds
  };

  double log_k = 0;
  std::vector<Knot> knots;      // by effort; not empty
  int first = 0;                // sample i stands for effort (first + i) * kStep
  std::vector<Sample> samples;  // not empty
  float slope = 0;              // of log_cost a sample, beyond the last

  float log_cost(int sample) const;
  const Sample& clamped(int sample) const;
};
/// By k.
struct PlanTable::CorrelationRow {
  double log_correlation = 0;
  std::vector<Curve> curves;
};
/// By correlation.
struct PlanTable::ShareRow {
  double log_share = 0;
  std::vector<CorrelationRow> rows;
};

/// Where a sorted sequence is read: at item `low`, and `upper` of the way to the next.
struct Bracket {
  size_t low = 0;
  double upper = 0;

  template <typename Items, typename Key>
  static Bracket of(const Items& items, double value, Key key) {
    size_t high = 0;
    while (high < items.size() && key(items[high]) < value) ++high;
    if (high == 0) return {0, 0};
    if (high == items.size()) return {high - 1, 0};
    const double below = key(items[high - 1]), above = key(items[high]);
    return {high - 1, (value - below) / (above - below)};
  }
};

template <typename Visit>
void PlanTable::Mix::for_each_point(double log_effort, Visit visit) const {
  for (int i = 0; i < count_; ++i) {
    const std::vector<Curve::Knot>& knots = parts_[i].curve->knots;
    const Bracket at =
        Bracket::of(knots, log_effort, [](const Curve::Knot& knot) { return knot.log_effort; });
    const double tail = std::max(0.0, log_effort - knots.back().log_effort) / Curve::kStep;
    const double weight = parts_[i].weight * scale_ * std::exp(tail * double{parts_[i].curve->slope});
    visit(knots[at.low].point, weight * (1 - at.upper));
    if (at.upper > 0) visit(knots[at.low + 1].point, weight * at.upper);
  }
}

}  // namespace kith
