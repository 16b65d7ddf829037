// Seeded vectors for tests: the same seed gives the same bytes on every machine. Print the seed where a test
// fails (SCOPED_TRACE). For sets with structure (clusters, duplicates, outliers) see datasets/synthetic.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/vector_view.h"

namespace kith::test {

/// Packed f32 rows and the view of them.
struct Vectors {
  std::vector<float> data;
  uint32_t dim = 0;
  size_t rows = 0;

  const float* row(size_t i) const { return data.data() + i * dim; }
  VectorBlock block() const {
    return {reinterpret_cast<const std::byte*>(data.data()), ScalarType::kF32, dim, rows};
  }
  VectorView operator[](size_t i) const { return block()[i]; }
  std::vector<std::byte> bytes(size_t i) const {
    const VectorView view = (*this)[i];
    return {view.data, view.data + view.bytes()};
  }
};

/// Independent standard normal elements.
inline Vectors normal_vectors(size_t rows, uint32_t dim, uint64_t seed) {
  Random random(seed);
  Vectors vectors{std::vector<float>(rows * dim), dim, rows};
  for (float& x : vectors.data) x = static_cast<float>(random.normal());
  return vectors;
}

/// `clusters` normal balls of radius 0.3 around normal centres; row i belongs to cluster i % clusters.
inline Vectors clustered_vectors(size_t rows, uint32_t dim, size_t clusters, uint64_t seed) {
  const Vectors centres = normal_vectors(clusters, dim, seed);
  Vectors vectors = normal_vectors(rows, dim, seed + 1);
  for (size_t i = 0; i < rows; ++i) {
    for (uint32_t d = 0; d < dim; ++d) {
      float& x = vectors.data[i * dim + d];
      x = 0.3f * x + centres.row(i % clusters)[d];
    }
  }
  return vectors;
}

/// The seed of a randomised test: KITH_SEED, or the given default.
inline uint64_t test_seed(uint64_t otherwise) {
  const char* text = std::getenv("KITH_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

}  // namespace kith::test
