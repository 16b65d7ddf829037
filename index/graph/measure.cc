#include "index/graph/measure.h"

namespace kith {
namespace {

constexpr float kSigmas = 2;
// Of a squared distance. It is below .1 for 99 % of the queries to real sets, on 3 bits too; recall begins to
// suffer at .3.
constexpr float kErrorShare = 0.25f;

float distance(Metric metric, const float* a, const float* b, uint32_t dim) {
  const void* row = b;
  float out = 0;
  distance_kernel(metric, ScalarType::kF32)(a, &row, 1, dim, &out);
  return out;
}

}  // namespace

bool Measure::blurred(MeasureQuery& query, Node near) const {
  if (vectors_->leaves_memory()) return false;
  const uint32_t dim = space().dim;
  float* const vector = query.floats(2 * size_t{dim});
  float* const other = vector + dim;
  to_f32(query.source().data, dim, query.source().type, vector);
  to_f32((*vectors_)[near], dim, space().type, other);
  const float squared = distance(Metric::kL2, vector, other, dim);
  const bool l2 = space().metric == Metric::kL2;
  const float raw = l2 ? squared : distance(Metric::kInnerProduct, vector, other, dim);
  const float error =
      codes_->code().error_bound_near(query.prepared(), codes_->extents().at(near), raw, kSigmas);
  return (l2 ? error : 2 * error) > kErrorShare * squared;  // |a - b|² holds an inner product twice
}

}  // namespace kith
