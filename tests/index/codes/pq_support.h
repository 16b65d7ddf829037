// What the tests of product quantisation share: training by name, mean squared errors, aligned queries, and
// data whose parts depend on each other.
#pragma once

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "index/codes/pq_code.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

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

inline std::vector<std::byte> encode_all(const VectorCode& code, const Vectors& vectors) {
  std::vector<std::byte> codes(vectors.rows * code.bytes());
  for (size_t i = 0; i < vectors.rows; ++i) code.encode(vectors.row(i), codes.data() + i * code.bytes());
  return codes;
}

inline std::vector<const void*> rows_of(const std::vector<std::byte>& codes, size_t stride) {
  std::vector<const void*> rows;
  for (size_t at = 0; at < codes.size(); at += stride) rows.push_back(codes.data() + at);
  return rows;
}

inline double squared_error(const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

/// Mean squared distance of the vectors to what their codes stand for.
inline double distortion(const VectorCode& code, const Vectors& vectors) {
  std::vector<std::byte> bytes(code.bytes());
  std::vector<float> decoded(vectors.dim);
  double sum = 0;
  for (size_t i = 0; i < vectors.rows; ++i) {
    code.encode(vectors.row(i), bytes.data());
    code.decode(bytes.data(), decoded.data());
    sum += squared_error(vectors.row(i), decoded.data(), vectors.dim);
  }
  return sum / static_cast<double>(vectors.rows);
}

/// The raw distance in double.
inline double raw_distance(Metric metric, const float* a, const float* b, uint32_t dim) {
  if (metric == Metric::kL2) return squared_error(a, b, dim);
  double dot = 0;
  for (uint32_t d = 0; d < dim; ++d) dot += double{a[d]} * b[d];
  return -dot;
}

inline AlignedBuffer prepared(const VectorCode& code, const float* query) {
  AlignedBuffer buffer = AlignedBuffer::allocate(code.query_bytes()).value();
  code.prepare(query, buffer.data());
  return buffer;
}

}  // namespace kith::test
