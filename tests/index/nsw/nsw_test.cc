// Goal: NSW as card A1 wants it: recall for few distances, cost growing slowly with the rows, no islands.
// Method: mixtures of 32 dimensions against the flat kind; the work is bounded, not the recall alone.
#include <thread>

#include "datasets/synthetic.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

/// Of known intrinsic dimension, so that what grows is the number of rows alone. With many tight clusters the
/// cost of NSW grows faster: lists of late rows hold no link that leaves the cluster.
std::pair<Vectors, Vectors> mixture(size_t rows, uint32_t clusters, uint64_t seed) {
  ClusteredSpec spec;
  spec.rows = rows;
  spec.queries = 200;
  spec.dim = 32;
  spec.intrinsic_dim = 12;
  spec.clusters = clusters;
  spec.seed = seed;
  const VectorSet set = make_clustered(spec);
  const auto vectors = [](const Matrix& matrix) {
    const auto* values = reinterpret_cast<const float*>(matrix.data.data());
    return Vectors{{values, values + matrix.rows * matrix.dim}, matrix.dim, matrix.rows};
  };
  return {vectors(set.base), vectors(set.queries)};
}

TEST(Nsw, RecallForFewDistances50k_slow) {
  const auto [vectors, queries] = mixture(50'000, 100, test_seed(81));
  ThreadPool pool(std::thread::hardware_concurrency());
  const auto index = build(spec_of("nsw", Metric::kL2, 32, {}, &pool), vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  const Measured found = measure_at(*index, *flat, queries, 0.95);
  EXPECT_GT(found.recall, 0) << "recall .95 is not reached";
  EXPECT_LE(found.distances, 0.05 * 50'000);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
  size_t most = 0;
  for (size_t degree = 0; degree < audit.degrees.size(); ++degree)
    if (audit.degrees[degree] > 0) most = degree;
  std::printf("nsw 50k: %.0f distances at recall .95, degree max %zu, mean %.1f\n", found.distances, most,
              static_cast<double>(audit.edges) / static_cast<double>(audit.nodes));
}

TEST(Nsw, CostGrowsSlowlyWithTheRows_slow) {
  ThreadPool pool(std::thread::hardware_concurrency());
  double distances[2];
  for (const size_t i : {0, 1}) {
    const size_t rows = i == 0 ? 10'000 : 100'000;
    const auto [vectors, queries] =
        mixture(rows, 1, test_seed(82));
    const auto index = build(spec_of("nsw", Metric::kL2, 32, {}, &pool), vectors);
    const Measured found =
        measure_at(*index, *build(spec_of("flat", Metric::kL2, 32), vectors), queries, 0.95);
    ASSERT_GT(found.recall, 0) << rows << " rows: recall .95 is not reached";
    distances[i] = found.distances;
  }
  std::printf("nsw: %.0f distances at recall .95 of 10k rows, %.0f of 100k\n", distances[0], distances[1]);
  EXPECT_LE(distances[1], 2.2 * distances[0]);
}

/// A graph of nearest neighbours falls apart into these two; early links hold it together.
TEST(Nsw, TwoFarClustersHangTogether) {
  Vectors vectors = normal_vectors(4000, 16, test_seed(83));
  Random random(test_seed(84));
  for (size_t i = 0; i < vectors.rows; ++i)
    if (random.below(2) == 0) vectors.data[i * 16] += 100;
  const auto index = build(spec_of("nsw", Metric::kL2, 16), vectors);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
  for (size_t i = 0; i < 200; ++i) {
    SearchRequest request;
    request.query = vectors[i * 20];
    request.effort = 40;
    ASSERT_VALUE(answer, index->search(request));
    EXPECT_EQ(answer.neighbors[0].distance, 0.0f) << "row " << i * 20;
  }
}

/// Early rows keep the links of their own choice, which are the long ones, however many rows come later.
TEST(Nsw, EarlyLinksStay_slow) {
  constexpr Node kRows = 6000;
  const Vectors vectors = clustered_vectors(kRows, 16, 20, test_seed(85));
  const auto index = build(spec_of("nsw", Metric::kL2, 16, {{"m", "8"}, {"degree", "16"}}), vectors);
  const GraphStore& graph = dynamic_cast<const GraphIndex&>(*index).graph();
  std::vector<Node> list(16);
  for (Node node = 8; node < 200; ++node) {
    const uint32_t degree = graph.base().read(node, list.data());
    const auto earlier = std::count_if(list.begin(), list.begin() + degree, [&](Node n) { return n < node; });
    EXPECT_GE(earlier, 8) << "node " << node;
  }
}

}  // namespace
}  // namespace kith::test
