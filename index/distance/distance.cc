#include "index/distance/distance.h"

#include <algorithm>
#include <cmath>

namespace kith {

Result<Metric> parse_metric(std::string_view name) {
  if (name == "l2" || name == "euclidean") return Metric::kL2;
  if (name == "ip" || name == "dot") return Metric::kInnerProduct;
  if (name == "cosine" || name == "angular") return Metric::kCosine;
  if (name == "hamming") return Metric::kHamming;
  return invalid_argument("unknown metric '{}': use l2 (euclidean), ip (dot), cosine (angular) or hamming",
                          name);
}

Result<ScalarType> parse_scalar_type(std::string_view name) {
  for (size_t i = 0; i < kScalarTypes; ++i)
    if (name == scalar_name(static_cast<ScalarType>(i))) return static_cast<ScalarType>(i);
  return invalid_argument("unknown vector type '{}': use f32, f16, bf16, i8, u8 or bit", name);
}

Result<void> validate_metric(Metric metric, ScalarType type) {
  if (static_cast<size_t>(metric) >= kMetrics)
    return invalid_argument("unknown metric number {}: the last one is {}", static_cast<int>(metric),
                            kMetrics - 1);
  if (static_cast<size_t>(type) >= kScalarTypes)
    return invalid_argument("unknown vector type number {}: the last one is {}", static_cast<int>(type),
                            kScalarTypes - 1);
  if ((metric == Metric::kHamming) == (type == ScalarType::kBit)) return {};
  if (type == ScalarType::kBit)
    return invalid_argument("metric '{}' does not go with vector type 'bit': use metric hamming",
                            metric_name(metric));
  return invalid_argument("metric 'hamming' does not go with vector type '{}': store the vectors as bit",
                          scalar_name(type));
}

float score_of(Metric metric, float distance) {
  switch (metric) {
    case Metric::kL2:
      return std::sqrt(std::max(distance, 0.0f));
    case Metric::kInnerProduct:
      return -distance;
    case Metric::kCosine:
      return std::clamp(1 - distance, -1.0f, 1.0f);
    case Metric::kHamming:
      break;
  }
  return distance;
}

float distance_of(Metric metric, float score) {
  switch (metric) {
    case Metric::kL2:
      return score < 0 ? -1.0f
                       : score * score;  // nothing is nearer than 0, so a negative radius admits nothing
    case Metric::kInnerProduct:
      return -score;
    case Metric::kCosine:
      return 1 - score;
    case Metric::kHamming:
      break;
  }
  return score;
}

}  // namespace kith
