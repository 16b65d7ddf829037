// Goal: NN-descent finds nearly all true neighbours for a small part of all distances. Method: recall against
// the flat kind on a mixture and on one blob, where partitions alone are not enough.
#include "index/graph/nn_descent.h"

#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

double recall_of(const Vectors& vectors, uint32_t k, ThreadPool* pool) {
  const auto flat = build(spec_of("flat", Metric::kL2, vectors.dim), vectors);
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, vectors.dim).value());
  EXPECT_OK(store.grow(vectors.rows));
  std::vector<Node> nodes;
  for (Node node = 0; node < vectors.rows; ++node) {
    store.set(node, vectors[node].data);
    if (node % 7 != 3) nodes.push_back(node);  // some are left out
  }
  const auto graph = nn_descent(store, nodes, k, test_seed(91), pool, Stop{});
  EXPECT_OK(graph);
  RowSet allowed;
  for (const Node node : nodes) allowed.add(node);
  double hits = 0, wanted = 0;
  for (size_t i = 0; i < nodes.size(); i += 97) {
    SearchRequest request;
    request.query = vectors[nodes[i]];
    request.k = 11;
    request.allowed = &allowed;
    const auto truth = flat->search(request);
    EXPECT_OK(truth);
    const auto list = graph->list(nodes[i]);
    EXPECT_EQ(list.size(), k);
    for (size_t j = 0; j < list.size(); ++j) {
      EXPECT_NE(list[j].node, nodes[i]);
      EXPECT_TRUE(allowed.contains(list[j].node));
      EXPECT_TRUE(j == 0 || list[j].distance >= list[j - 1].distance);
      hits += j < 10 && list[j].distance <= truth->neighbors.back().distance * (1 + 1e-5f);
    }
    wanted += 10;
  }
  return hits / wanted;
}

TEST(NnDescent, FindsTheTrueNeighbours) {
  ThreadPool pool(2);
  EXPECT_GE(recall_of(clustered_vectors(8000, 24, 20, test_seed(92)), 20, &pool), 0.95);
  EXPECT_GE(recall_of(normal_vectors(8000, 12, test_seed(93)), 20, nullptr), 0.95);
}

TEST(NnDescent, FewerNodesThanNeighboursWanted) {
  const Vectors vectors = normal_vectors(5, 4, test_seed(94));
  VectorStore store(VectorSpace::of(Metric::kL2, ScalarType::kF32, 4).value());
  ASSERT_OK(store.grow(5));
  const Node nodes[] = {0, 1, 2, 3, 4};
  for (const Node node : nodes) store.set(node, vectors[node].data);
  ASSERT_VALUE(graph, nn_descent(store, nodes, 40, 1, nullptr, Stop{}));
  for (const Node node : nodes) EXPECT_EQ(graph.list(node).size(), 4u);
}

}  // namespace
}  // namespace kith::test
