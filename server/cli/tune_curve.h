// TuneCurves: recall against latency of one field, as `kith tune` shows it: the points that a calibration
// measured without a filter, a curve for each k, and the one that serves best.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kith.pb.h"

namespace kith {

struct TunePoint {
  uint64_t k = 0;
  uint64_t effort = 0;
  uint64_t queries = 0;
  double recall = 0;
  double recall_low = 0;  // of its 95 % confidence interval
  double latency_us = 0;  // median
  double distances = 0;   // mean, full and coded
};

struct TuneCurves {
  std::string collection;
  std::string field;
  uint64_t rows = 0;
  uint64_t queries = 0;
  double bytes_per_vector = 0;
  std::vector<TunePoint> points;  // by k, then effort
  std::optional<size_t> chosen;   // of points

  std::vector<uint64_t> ks() const;
};

TuneCurves tune_curves(const std::string& collection, const v1::FieldCalibration& field);

/// What is wanted of searches for `k` hits: one of the two.
struct TuneWish {
  uint64_t k = 10;
  std::optional<double> recall;      // at least
  std::optional<double> latency_us;  // at most
};
/// Chooses a point: the quickest that reaches the recall, or the best that is quick enough, of the measured k
/// next to that wanted. FailedPrecondition, saying what there is, when none is.
Result<void> choose(const TuneWish& wish, TuneCurves& curves);

/// A picture of them (SVG 1.1): recall to the right, its distance to 1 on a logarithmic axis, latency
/// upwards.
std::string tune_svg(const TuneCurves& curves);

}  // namespace kith
