#include "index/codes/opq_rotation.h"

#include <algorithm>
#include <cstring>

#include "index/distance/distance.h"

namespace kith {

OpqRotation::OpqRotation(uint32_t dim, std::vector<float> values) : dim_(dim), values_(std::move(values)) {
  CHECK(values_.size() == size_t{dim} * dim);
}

void OpqRotation::rotate(const float* vector, float* to) const {
  const DistanceFn negated_products = distance_kernel(Metric::kInnerProduct, ScalarType::kF32);
  constexpr uint32_t kRows = 64;
  const void* rows[kRows];
  for (uint32_t first = 0; first < dim_; first += kRows) {
    const uint32_t count = std::min(kRows, dim_ - first);
    for (uint32_t i = 0; i < count; ++i) rows[i] = values_.data() + size_t{first + i} * dim_;
    negated_products(vector, rows, count, dim_, to + first);
  }
  for (uint32_t i = 0; i < dim_; ++i) to[i] = -to[i];
}

void OpqRotation::rotate_back(const float* rotated, float* to) const {
  std::fill_n(to, dim_, 0.0f);
  const float* row = values_.data();
  for (uint32_t i = 0; i < dim_; ++i, row += dim_)
    for (uint32_t d = 0; d < dim_; ++d) to[d] += rotated[i] * row[d];
}

}  // namespace kith
