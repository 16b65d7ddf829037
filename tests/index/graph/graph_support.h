// What the tests of graph kinds share: building an index from f32 rows, exact answers, recall by distance.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "index/graph/graph_audit.h"
#include "index/registry.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith::test {

inline std::vector<Row> first_rows(size_t count) {
  std::vector<Row> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

inline IndexSpec spec_of(const char* kind, Metric metric, uint32_t dim, IndexOptions options = {},
                         ThreadPool* pool = nullptr) {
  IndexSpec spec;
  spec.kind = kind;
  spec.metric = metric;
  spec.dim = dim;
  spec.options = std::move(options);
  spec.pool = pool;
  return spec;
}

/// Vectors [first, first + count).
inline VectorBlock part(const Vectors& vectors, size_t first, size_t count) {
  const VectorBlock all = vectors.block();
  return {all[first].data, all.type, all.dim, count};
}

/// Built and settled.
inline std::unique_ptr<Index> build(const IndexSpec& spec, const Vectors& vectors) {
  auto created = create_index(spec);
  EXPECT_OK(created);
  std::unique_ptr<Index> index = std::move(created).value();
  EXPECT_OK(index->add(first_rows(vectors.rows), vectors.block()));
  const IndexKind* kind = find_index_kind(spec.kind).value();
  if (kind->settle != nullptr) {
    EXPECT_OK(kind->settle(*index, Stop{}));
  }
  return index;
}

/// Rows 0.. and queries from the same clusters, split off the end.
inline std::pair<Vectors, Vectors> rows_and_queries(Vectors all, size_t queries) {
  const auto split = static_cast<ptrdiff_t>((all.rows - queries) * all.dim);
  Vectors asked{{all.data.begin() + split, all.data.end()}, all.dim, queries};
  all.rows -= queries;
  all.data.resize(static_cast<size_t>(split));
  return {std::move(all), std::move(asked)};
}

struct Measured {
  double recall = 0;     // @10; ties by distance count
  double distances = 0;  // full distances a query
  double hops = 0;
  double codes = 0;  // distances on codes a query
};

/// `reference` is a flat index of the same rows.
inline Measured measure(const Index& index, const Index& reference, const Vectors& queries, uint32_t effort) {
  Measured out;
  for (size_t i = 0; i < queries.rows; ++i) {
    SearchRequest request;
    request.query = queries[i];
    request.effort = effort;
    const auto truth = reference.search(request);
    const auto answer = index.search(request);
    EXPECT_OK(truth);
    EXPECT_OK(answer);
    const float worst = truth->neighbors.back().distance;
    const float bound = worst + 1e-5f * std::abs(worst) + 1e-6f;
    for (const Neighbor& neighbor : answer->neighbors) out.recall += neighbor.distance <= bound;
    out.distances += static_cast<double>(answer->stats.full_distances);
    out.codes += static_cast<double>(answer->stats.code_distances);
    out.hops += static_cast<double>(answer->stats.hops);
  }
  out.recall /= 10.0 * static_cast<double>(queries.rows);
  out.distances /= static_cast<double>(queries.rows);
  out.codes /= static_cast<double>(queries.rows);
  out.hops /= static_cast<double>(queries.rows);
  return out;
}

/// Distances and hops at `recall`, interpolated between efforts from `effort` up; 0 where it is not reached.
inline Measured measure_at(const Index& index, const Index& reference, const Vectors& queries, double recall,
                           uint32_t effort = 10) {
  Measured before;
  for (; effort <= 400; effort = effort * 5 / 4 + 1) {
    const Measured now = measure(index, reference, queries, effort);
    if (now.recall >= recall) {
      if (before.recall == 0) return now;
      const double share = (recall - before.recall) / (now.recall - before.recall);
      return {recall, before.distances + share * (now.distances - before.distances),
              before.hops + share * (now.hops - before.hops), 0};
    }
    before = now;
  }
  return {};
}

}  // namespace kith::test
