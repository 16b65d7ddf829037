#include "server/cli/tune_curve.h"

#include <algorithm>
#include <cmath>

#include "index/index.h"

namespace kith {
namespace {

/// The measured k next to the one wanted, by ratio.
uint64_t nearest_k(const TuneCurves& curves, uint64_t k) {
  const auto apart = [&](uint64_t one) {
    return std::abs(std::log(static_cast<double>(one) / static_cast<double>(k)));
  };
  const std::vector<uint64_t> ks = curves.ks();
  return *std::ranges::min_element(ks, {}, apart);
}

}  // namespace

std::vector<uint64_t> TuneCurves::ks() const {
  std::vector<uint64_t> ks;
  for (const TunePoint& point : points)
    if (ks.empty() || ks.back() != point.k) ks.push_back(point.k);
  return ks;
}

TuneCurves tune_curves(const std::string& collection, const v1::FieldCalibration& field) {
  TuneCurves curves;
  curves.collection = collection;
  curves.field = field.field();
  curves.rows = field.rows();
  curves.queries = field.queries();
  if (field.rows() > 0)
    curves.bytes_per_vector = static_cast<double>(field.vector_bytes() + field.structure_bytes()) /
                              static_cast<double>(field.rows());
  for (const v1::CalibrationPoint& point : field.points()) {
    if (point.plan() != filter_plan_name(FilterPlan::kAuto)) continue;
    curves.points.push_back({point.k(), point.effort(), point.queries(), point.recall(), point.recall_low(),
                             point.nanoseconds() / 1000,
                             point.work().full_distances() + point.work().code_distances()});
  }
  std::ranges::sort(curves.points, [](const TunePoint& a, const TunePoint& b) {
    return a.k != b.k ? a.k < b.k : a.effort < b.effort;
  });
  return curves;
}

Result<void> choose(const TuneWish& wish, TuneCurves& curves) {
  curves.chosen.reset();
  if (curves.points.empty())
    return failed_precondition("field '{}': nothing was measured; load more points", curves.field);
  const uint64_t k = nearest_k(curves, wish.k);
  double best_recall = 0;
  double least_us = HUGE_VAL;
  for (size_t i = 0; i < curves.points.size(); ++i) {
    const TunePoint& point = curves.points[i];
    if (point.k != k) continue;
    best_recall = std::max(best_recall, point.recall);
    least_us = std::min(least_us, point.latency_us);
    if (wish.recall.has_value() ? point.recall < *wish.recall : point.latency_us > *wish.latency_us) continue;
    const TunePoint* best = curves.chosen.has_value() ? &curves.points[*curves.chosen] : nullptr;
    const bool better = best == nullptr || (wish.recall.has_value() ? point.latency_us < best->latency_us
                                                                    : point.recall > best->recall);
    if (better) curves.chosen = i;
  }
  if (curves.chosen.has_value()) return {};
  if (wish.recall.has_value())
    return failed_precondition(
        "field '{}': no walk for {} hits found {} of the nearest, the best {:.4f}; "
        "ask for less, or build the index with more links",
        curves.field, k, *wish.recall, best_recall);
  return failed_precondition("field '{}': no search for {} hits took {} µs or less, the quickest {:.1f}",
                             curves.field, k, *wish.latency_us, least_us);
}

}  // namespace kith
