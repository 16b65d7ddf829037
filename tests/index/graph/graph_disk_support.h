// What the tests of memory=codes share: indexes with a scratch file, filled in steps, and answers compared.
#pragma once

#include "base/io/memory_file_system.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {

/// `options` and memory=codes, the file in `fs`.
inline IndexSpec disk_spec(FileSystem& fs, const char* kind, Metric metric, uint32_t dim,
                           IndexOptions options = {}, ThreadPool* pool = nullptr) {
  IndexSpec spec = spec_of(kind, metric, dim, std::move(options), pool);
  spec.options.emplace_back("memory", "codes");
  spec.fs = &fs;
  spec.directory = ".";
  return spec;
}

inline Result<void> add_part(Index& index, const Vectors& vectors, size_t first, size_t count) {
  std::vector<Row> rows(count);
  std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
  return index.add(rows, part(vectors, first, count));
}

/// In steps, so that some rows come before the codes and some after.
inline std::unique_ptr<Index> filled(const IndexSpec& spec, const Vectors& vectors, size_t step = 700) {
  auto index = create_index(spec);
  EXPECT_OK(index);
  for (size_t first = 0; first < vectors.rows; first += step)
    EXPECT_OK(add_part(**index, vectors, first, std::min(step, vectors.rows - first)));
  return std::move(index).value();
}

inline SearchRequest request_of(const Vectors& queries, size_t i, uint32_t k = 10) {
  SearchRequest request;
  request.query = queries[i];
  request.k = k;
  return request;
}

inline double l2(const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

inline void expect_same(const SearchAnswer& a, const SearchAnswer& b) {
  ASSERT_EQ(a.neighbors.size(), b.neighbors.size());
  for (size_t i = 0; i < a.neighbors.size(); ++i) {
    EXPECT_EQ(a.neighbors[i].row, b.neighbors[i].row) << i;
    const float distance = b.neighbors[i].distance;  // kernels round rows side by side another way
    EXPECT_NEAR(a.neighbors[i].distance, distance, 1e-5f * std::abs(distance) + 1e-6f) << i;
  }
}

}  // namespace kith::test
