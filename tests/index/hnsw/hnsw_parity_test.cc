// Goal: the fast graph is as good as the paper's at the same parameters, for no more work. Method: the same
// rows, m, efConstruction and ef in plain_hnsw.h, which counts its distances; recall against the flat kind.
// The race against hnswlib itself is bench/recall.
#include "tests/index/graph/graph_support.h"
#include "tests/index/hnsw/plain_hnsw.h"

namespace kith::test {
namespace {

void expect_parity(Vectors vectors, uint64_t seed) {
  constexpr size_t kQueries = 200;
  const uint32_t dim = vectors.dim;
  vectors.rows -= kQueries;
  const auto split = static_cast<ptrdiff_t>(vectors.rows * dim);
  const Vectors queries{{vectors.data.begin() + split, vectors.data.end()}, dim, kQueries};
  vectors.data.resize(static_cast<size_t>(split));
  PlainHnsw plain(vectors, 16, 100, seed);
  const auto ours = build(spec_of("hnsw", Metric::kL2, dim, {{"ef_construction", "100"}}), vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, dim), vectors);
  for (const uint32_t ef : {20u, 60u, 150u}) {
    plain.counted = 0;
    double hits = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      SearchRequest request;
      request.query = queries[i];
      const auto truth = flat->search(request);
      ASSERT_OK(truth);
      const float bound = truth->neighbors.back().distance * (1 + 1e-5f);
      for (const float distance : plain.search(queries.row(i), ef)) hits += distance <= bound;
    }
    const double plain_distances = static_cast<double>(plain.counted) / kQueries;
    const Measured mine = measure(*ours, *flat, queries, ef);
    EXPECT_GE(mine.recall, hits / (10 * kQueries) - 0.005) << "dim " << dim << ", ef " << ef;
    EXPECT_LE(mine.distances, plain_distances * 1.05) << "dim " << dim << ", ef " << ef;
  }
}

TEST(HnswParity, RecallAndDistancesMatchThePlainAlgorithm) {
  const uint64_t seed = test_seed(17);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  expect_parity(normal_vectors(6200, 20, seed), seed);
  expect_parity(clustered_vectors(6200, 32, 60, seed), seed);
}

}  // namespace
}  // namespace kith::test
