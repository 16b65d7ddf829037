// Calibration: what searches of one index find and cost, measured on this machine with its own vectors and
// with queries that were asked, against exact answers. The planner reads it and nothing else (the tuning
// tables of AnalyticDB-V, PVLDB 13(12) 2020, §5.2, with more plans and the correlation of filter and query as
// one more axis). Plain data; immutable once made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "index/index.h"
#include "query/plan/plan_table.h"

namespace kith {

/// Work of one search, as means over many (SearchStats).
struct MeanWork {
  double full_distances = 0;
  double code_distances = 0;
  double hops = 0;
  double predicate_evaluations = 0;
  double ios = 0;
};

/// What a unit of work costs here, in nanoseconds; fitted to the searches that were measured.
struct UnitCosts {
  double search = 0;         // whatever it does
  double full_distance = 0;  // of a walk or a rerank, and of a row that is not linked yet
  double code_distance = 0;
  double hop = 0;
  double predicate_evaluation = 0;
  double io = 0;
  double scanned_row = 0;   // of an exact scan of allowed rows, all that comes with it
  double scanned_code = 0;  // of a scan of their codes

  /// Rows and codes of scans count as scanned ones, their being asked for as part of that.
  double of(FilterPlan plan, const MeanWork& work) const;
};

/// Searches of one kind, all measured alike.
struct CalibrationPoint {
  FilterPlan plan = FilterPlan::kAuto;  // kAuto: without a filter
  float share = 1;                      // of the live rows that the filter allows
  float correlation = 1;                // κ: that share among the nearest of the query, over `share`
  uint32_t k = 0;
  uint32_t effort = 0;    // 0: the plan has none
  uint32_t queries = 0;   // so many were measured
  float recall = 0;       // recall@k, mean
  float recall_low = 0;   // lower end of its 95 % confidence interval
  float nanoseconds = 0;  // of the mean search
  MeanWork work = {};
};

class Calibration {
 public:
  uint64_t rows = 0;      // of the index when it was measured
  uint64_t sequence = 0;  // of the collection, then
  uint64_t queries = 0;   // stored vectors and asked queries that were measured
  UnitCosts costs;
  std::vector<CalibrationPoint> points;  // by plan, share, correlation, k, effort
  PlanTable table;                       // of these, by which make_plan finds them; see prepare

  /// Sorts the points and makes their table. Whoever makes a calibration calls it last; decode has.
  void prepare();
};

/// For a store; see docs/formats.md. Decode: Corruption, never trusts the bytes.
std::string encode_calibration(const Calibration& calibration);
Result<Calibration> decode_calibration(std::string_view bytes);

}  // namespace kith
