// Goal: batches through the matrix product answer exactly, where its rounding is larger than the distances
// too. Method: rows far from the origin and close to each other, against distances in double; several tiles,
// with and without a pool.
#include <cmath>

#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

double squared_distance(const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

/// ‖x‖² as the product's formula has it in float, to show that it would answer wrongly.
float cancelling_distance(const float* a, const float* b, uint32_t dim) {
  float aa = 0, bb = 0, ab = 0;
  for (uint32_t d = 0; d < dim; ++d) {
    aa += a[d] * a[d];
    bb += b[d] * b[d];
    ab += a[d] * b[d];
  }
  return aa + bb - 2 * ab;
}

TEST(FlatBatch, IsExactWhereTheProductCancels) {
  const uint64_t seed = test_seed(41);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  constexpr uint32_t kDim = 48;
  Vectors vectors = normal_vectors(3000, kDim, seed);
  for (float& x : vectors.data) x = 3000.0f + std::round(x * 256) / 256;  // differences are exact in float
  Vectors queries = normal_vectors(150, kDim, seed + 1);
  for (float& x : queries.data) x = 3000.0f + std::round(x * 256) / 256;
  double formula_error = 0;
  for (size_t i = 0; i < 100; ++i)
    formula_error =
        std::max(formula_error, std::abs(cancelling_distance(queries.row(0), vectors.row(i), kDim) -
                                         squared_distance(queries.row(0), vectors.row(i), kDim)));
  ASSERT_GT(formula_error, 10.0) << "the set does not test what it is made for";
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    const auto index = build(spec_of("flat", Metric::kL2, kDim, {}, with), vectors);
    for (Row row = 0; row < 3000; row += 11) ASSERT_OK(index->remove(row));
    const auto batch =
        find_index_kind("flat").value()->search_batch(*index, queries.block(), SearchRequest{});
    ASSERT_OK(batch);
    for (size_t i = 0; i < queries.rows; ++i) {
      std::vector<double> exact;
      for (size_t row = 0; row < 3000; ++row)
        if (row % 11 != 0) exact.push_back(squared_distance(queries.row(i), vectors.row(row), kDim));
      std::sort(exact.begin(), exact.end());
      const std::vector<Neighbor>& found = (*batch)[i].neighbors;
      ASSERT_EQ(found.size(), 10u);
      for (size_t j = 0; j < 10; ++j) {
        EXPECT_NEAR(found[j].distance, exact[j], 1e-5 * exact[j]) << "query " << i << ", place " << j;
        EXPECT_NE(found[j].row % 11, 0u) << "a removed row";
        EXPECT_NEAR(squared_distance(queries.row(i), vectors.row(found[j].row), kDim), exact[j],
                    1e-5 * exact[j]);
      }
    }
  }
}

TEST(FlatBatch, RefusesWrongQueriesAndStops) {
  const Vectors vectors = normal_vectors(100, 8, test_seed(42));
  const auto index = build(spec_of("flat", Metric::kL2, 8), vectors);
  const IndexKind& kind = *find_index_kind("flat").value();
  EXPECT_ERROR(kind.search_batch(*index, normal_vectors(5, 9, 1).block(), SearchRequest{}),
               Code::kInvalidArgument, "9 dimensions");
  SearchRequest none;
  none.k = 0;
  EXPECT_ERROR(kind.search_batch(*index, vectors.block(), none), Code::kInvalidArgument, "k is 0");
  SearchRequest late;
  late.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_ERROR(kind.search_batch(*index, vectors.block(), late), Code::kDeadlineExceeded, "deadline");
}

}  // namespace
}  // namespace kith::test
