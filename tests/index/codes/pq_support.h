// What the tests of product quantisation share besides code_support.h: training as PqCode, mean squared
// errors, and data whose parts depend on each other.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "index/codes/pq_code.h"
#include "tests/index/codes/code_support.h"

namespace kith::test {

inline CodeSpec code_spec(const char* name, Metric metric, uint32_t dim, uint32_t bits = 0,
                          uint32_t subvectors = 0) {
  return {name, metric, dim, bits, subvectors};
}

inline Result<std::unique_ptr<PqCode>> train_pq(const CodeSpec& spec, const Vectors& vectors) {
  return PqCode::train(spec, vectors.data.data(), vectors.rows);
}

/// Rows from..to of a set.
inline Vectors slice(const Vectors& all, size_t from, size_t to) {
  return {{all.data.begin() + static_cast<ptrdiff_t>(from * all.dim),
           all.data.begin() + static_cast<ptrdiff_t>(to * all.dim)},
          all.dim,
          to - from};
}

/// Normal vectors whose standard deviation falls from 1 by `decay` per dimension, turned by a random rotation
/// (Gram and Schmidt on normal vectors), so that every element depends on all.
inline Vectors turned_anisotropic(size_t rows, uint32_t dim, float decay, uint64_t seed) {
  Vectors turn = normal_vectors(dim, dim, seed), plain = normal_vectors(rows, dim, seed + 1);
  for (uint32_t i = 0; i < dim; ++i) {
    float* row = turn.data.data() + size_t{i} * dim;
    for (uint32_t j = 0; j <= i; ++j) {
      double dot = 0;
      for (uint32_t d = 0; d < dim; ++d) dot += double{row[d]} * turn.row(j)[d];
      for (uint32_t d = 0; d < dim; ++d)
        row[d] = j < i ? row[d] - static_cast<float>(dot) * turn.row(j)[d]
                       : row[d] / static_cast<float>(std::sqrt(dot));
    }
  }
  Vectors turned{std::vector<float>(rows * dim), dim, rows};
  for (size_t i = 0; i < rows; ++i) {
    float scale = 1;
    for (uint32_t j = 0; j < dim; ++j, scale *= decay)
      for (uint32_t d = 0; d < dim; ++d) turned.data[i * dim + d] += plain.row(i)[j] * scale * turn.row(j)[d];
  }
  return turned;
}

/// Mean squared distance of the vectors to what their codes stand for.
inline double distortion(const VectorCode& code, const Vectors& vectors) {
  std::vector<std::byte> bytes(code.bytes());
  std::vector<float> decoded(vectors.dim);
  double sum = 0;
  for (size_t i = 0; i < vectors.rows; ++i) {
    code.encode(vectors.row(i), bytes.data());
    code.decode(bytes.data(), decoded.data());
    sum += exact_distance(Metric::kL2, vectors.row(i), decoded.data(), vectors.dim);
  }
  return sum / static_cast<double>(vectors.rows);
}

}  // namespace kith::test
