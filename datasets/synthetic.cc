#include "datasets/synthetic.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/random.h"

namespace kith {
namespace {

constexpr float kNoise = 0.02f;  // off the cluster's plane, so that rows are in general position
constexpr uint64_t kQuerySalt = 0x71756572790a0a0au;

uint64_t row_seed(uint64_t seed, uint64_t row) {
  return mix64(seed ^ mix64(row));
}

float* row_of(Matrix& matrix, size_t row) {
  return reinterpret_cast<float*>(matrix.data.data()) + row * matrix.dim;
}

Matrix empty_matrix(size_t rows, uint32_t dim) {
  return {std::vector<std::byte>(rows * dim * sizeof(float)), ScalarType::kF32, dim, rows};
}

void normalise(float* row, uint32_t dim) {
  double square = 0;
  for (uint32_t d = 0; d < dim; ++d) square += static_cast<double>(row[d]) * row[d];
  if (square == 0) return;
  const double inverse = 1 / std::sqrt(square);
  for (uint32_t d = 0; d < dim; ++d) row[d] = static_cast<float>(row[d] * inverse);
}

// Centres and, for each cluster, its basis: intrinsic_dim directions of length about 1.
struct Mixture {
  ClusteredSpec spec;
  std::vector<float> centres;
  std::vector<float> bases;

  explicit Mixture(const ClusteredSpec& given) : spec(given) {
    spec.intrinsic_dim = std::clamp(spec.intrinsic_dim, 1u, spec.dim);
    spec.clusters = std::max(spec.clusters, 1u);
    Random random(mix64(spec.seed));
    const float scale = 1 / std::sqrt(static_cast<float>(spec.dim));
    centres.resize(size_t{spec.clusters} * spec.dim);
    for (float& x : centres) x = scale * static_cast<float>(random.normal());
    bases.resize(centres.size() * spec.intrinsic_dim);
    for (float& x : bases) x = scale * static_cast<float>(random.normal());
  }

  void make_row(uint64_t seed, float* out) const {
    Random random(seed);
    const size_t cluster = random.below(spec.clusters);
    const float step = spec.spread / std::sqrt(static_cast<float>(spec.intrinsic_dim));
    const float noise = kNoise / std::sqrt(static_cast<float>(spec.dim));
    std::copy_n(centres.data() + cluster * spec.dim, spec.dim, out);
    for (uint32_t i = 0; i < spec.intrinsic_dim; ++i) {
      const float* direction = bases.data() + (cluster * spec.intrinsic_dim + i) * spec.dim;
      const float z = step * static_cast<float>(random.normal());
      for (uint32_t d = 0; d < spec.dim; ++d) out[d] += z * direction[d];
    }
    for (uint32_t d = 0; d < spec.dim; ++d) out[d] += noise * static_cast<float>(random.normal());
    if (spec.normalised) normalise(out, spec.dim);
  }

  Matrix make(size_t rows, uint64_t seed, ThreadPool* pool) const {
    Matrix matrix = empty_matrix(rows, spec.dim);
    const auto one = [&](size_t row) { make_row(row_seed(seed, row), row_of(matrix, row)); };
    if (pool != nullptr) {
      pool->parallel_for(rows, 256, one);
    } else {
      for (size_t row = 0; row < rows; ++row) one(row);
    }
    return matrix;
  }
};

void fill_normal(Random& random, float* row, uint32_t dim, float scale) {
  for (uint32_t d = 0; d < dim; ++d) row[d] = scale * static_cast<float>(random.normal());
}

void fill_from(const float* direction, float scale, float* row, uint32_t dim) {
  for (uint32_t d = 0; d < dim; ++d) row[d] = scale * direction[d];
}

}  // namespace

VectorSet make_clustered(const ClusteredSpec& spec, ThreadPool* pool) {
  const Mixture mixture(spec);
  return {mixture.make(spec.rows, spec.seed, pool), mixture.make(spec.queries, spec.seed ^ kQuerySalt, pool)};
}

const char* adversary_name(Adversary adversary) {
  switch (adversary) {
    case Adversary::kDuplicates:
      return "duplicates";
    case Adversary::kAllEqual:
      return "all-equal";
    case Adversary::kFarOutliers:
      return "far-outliers";
    case Adversary::kCollinear:
      return "collinear";
    case Adversary::kUnnormalised:
      return "unnormalised";
  }
  return "";
}

Matrix make_adversarial(Adversary adversary, size_t rows, uint32_t dim, uint64_t seed) {
  Matrix matrix = empty_matrix(rows, dim);
  Random shared(mix64(seed));
  std::vector<float> direction(dim);
  fill_normal(shared, direction.data(), dim, 1);
  const size_t distinct = std::max<size_t>(rows / 10, 1);
  for (size_t i = 0; i < rows; ++i) {
    float* row = row_of(matrix, i);
    Random random(row_seed(seed, i));
    switch (adversary) {
      case Adversary::kDuplicates: {
        Random original(row_seed(seed, random.below(distinct)));
        fill_normal(original, row, dim, 1);
        break;
      }
      case Adversary::kAllEqual:
        fill_from(direction.data(), 1, row, dim);
        break;
      case Adversary::kFarOutliers:
        fill_normal(random, row, dim, i % 100 == 99 ? 0.01f : 1);
        if (i % 100 == 99) row[0] += 1000;
        break;
      case Adversary::kCollinear:
        fill_from(direction.data(), static_cast<float>(random.normal()), row, dim);
        break;
      case Adversary::kUnnormalised:
        fill_normal(random, row, dim, static_cast<float>(std::pow(10.0, random.uniform() * 8 - 4)));
        break;
    }
  }
  return matrix;
}

}  // namespace kith
