#include "index/graph/measure.h"

namespace kith {
namespace {

constexpr float kSigmas = 2;
// Of a squared distance. Default codes stay below it for all queries to fashion-mnist and debian and 99.3 %
// of those to sift (medians .09, .05, .09); recall on made clusters begins to suffer at .3.
constexpr float kErrorShare = 0.25f;

/// Its elements: where they are, or widened to `room`.
const float* as_f32(const VectorView& vector, float* room) {
  if (vector.type == ScalarType::kF32) return reinterpret_cast<const float*>(vector.data);
  to_f32(vector.data, vector.dim, vector.type, room);
  return room;
}

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
  float* const room = query.floats(2 * size_t{dim});
  const float* const vector = as_f32(query.source(), room);
  const float* const other = as_f32({(*vectors_)[near], space().type, dim}, room + dim);
  const float squared = distance(Metric::kL2, vector, other, dim);
  const bool l2 = space().metric == Metric::kL2;
  const float raw = l2 ? squared : distance(Metric::kInnerProduct, vector, other, dim);
  const float error =
      codes_->code().error_bound_near(query.prepared(), codes_->extents().at(near), raw, kSigmas);
  return (l2 ? error : 2 * error) > kErrorShare * squared;  // |a - b|² holds an inner product twice
}

}  // namespace kith
