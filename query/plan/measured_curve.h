// MeasuredCurve: the searches of one plan at one share, correlation and k, by effort, while they are being
// measured.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "query/plan/unit_costs.h"

namespace kith {

/// One search that was measured.
struct MeasuredSearch {
  double recall = 1;
  double nanoseconds = 0;
  bool fell_back = false;  // on another plan, so its time is not this one's
  SearchStats stats;
};

class MeasuredCurve {
 public:
  struct Key {
    FilterPlan plan = FilterPlan::kAuto;
    double share = 1;
    double correlation = 1;
    uint32_t k = 0;
  };
  /// When there is no need to measure at more effort.
  struct Limits {
    double recall_enough = 1;
    double nanoseconds_max = 0;  // 0: unknown
    uint32_t effort_max = 0;
  };

  /// Efforts are first, first * step, …; `first` 0: there is only that.
  MeasuredCurve(const Key& key, uint32_t first, double step) : key_(key), first_(first), growth_(step) {}

  const Key& key() const { return key_; }
  /// The effort to measure the next query at after those at lower ones; none: go on with another query.
  std::optional<uint32_t> next_effort(const Limits& limits);
  /// At the effort that was given last.
  void add(const MeasuredSearch& search);
  /// The next search is of another query.
  void next_query() { at_ = 0; }

  /// So many were measured.
  size_t queries() const { return steps_.empty() ? 0 : steps_.front().recalls.size(); }
  /// Of searches at the least effort that needs no more; 0 before there is one.
  double enough_nanoseconds(double recall_enough) const;
  /// Appends points of efforts that enough queries were measured at, and what their work cost.
  void finish(std::vector<CalibrationPoint>& points, std::vector<CostSample>& costs) const;

 private:
  struct Step {
    uint32_t effort = 0;
    std::vector<float> recalls;
    std::vector<float> paces;  // nanoseconds by distance
    SearchStats stats;
    size_t fell_back = 0;
  };
  bool hopeless(const Limits& limits) const;
  bool suffices(const Step& step, const Limits& limits) const;
  static double nanoseconds_of(const Step& step);
  CalibrationPoint point_of(const Step& step) const;

  Key key_;
  uint32_t first_;
  double growth_;
  size_t at_ = 0;  // the step that the query is measured at next
  std::vector<Step> steps_;
};

}  // namespace kith
