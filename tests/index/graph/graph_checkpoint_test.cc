// Goal: a graph saved in the middle of linking opens whole: what lost its only path is linked again, and the
// way in leads somewhere. Method: such snapshots made on purpose: edges cut in a live graph, an entry outside
// the snapshot.
#include "base/io/memory_file_system.h"
#include "base/thread_pool.h"
#include "index/graph/graph_codec.h"
#include "index/graph/graph_index.h"
#include "index/hnsw/hnsw_kind.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 12;

void expect_whole(const Index& index, size_t nodes, const Vectors& vectors) {
  ASSERT_VALUE(audit, audit_graph(index));
  EXPECT_EQ(audit.nodes, nodes);
  EXPECT_EQ(audit.unreachable, 0u);
  for (Row row = 0; row < nodes; row += 7) {
    SearchRequest request;
    request.query = vectors[row];
    ASSERT_VALUE(answer, index.search(request));
    ASSERT_EQ(answer.neighbors.size(), 10u);
    EXPECT_EQ(answer.neighbors[0].distance, 0.0f) << "row " << row;
  }
}

/// Takes `node` out of all lists of layer 0.
void cut_edges_to(GraphStore& graph, Node nodes, Node cut) {
  std::vector<Node> ids(graph.base().capacity());
  for (Node node = 0; node < nodes; ++node) {
    ids.resize(graph.base().capacity());
    ids.resize(graph.base().read(node, ids.data()));
    std::erase(ids, cut);
    graph.base().assign(node, ids);
  }
}

TEST(GraphCheckpoint, WhatLostItsOnlyPathIsLinkedAgain) {
  constexpr Node kNodes = 1200;
  Vectors vectors = clustered_vectors(kNodes, kDim, 12, test_seed(41));
  std::copy_n(vectors.row(300), kDim, vectors.data.begin() + 900 * kDim);  // 900 hangs in the chain at 300
  const auto index = build(spec_of("hnsw", Metric::kL2, kDim), vectors);
  GraphStore& graph = const_cast<GraphStore&>(dynamic_cast<const GraphIndex&>(*index).graph());
  ASSERT_NE(graph.entry()->node, 300u);
  for (const Node cut : {Node{300}, Node{17}, Node{1199}}) cut_edges_to(graph, kNodes, cut);
  ASSERT_VALUE(before, audit_graph(*index));
  ASSERT_GE(before.unreachable, 4u);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, find_index_kind("hnsw").value()->open(directory, {}));
  expect_whole(*opened, kNodes, vectors);
  ASSERT_VALUE(audit, audit_graph(*opened));
  EXPECT_EQ(audit.chained, 1u);
}

/// Rows removed before they were linked count as linked and have no edges. When the true entry is newer than
/// the snapshot, such a row must not stand in for it, whatever its level.
TEST(GraphCheckpoint, ARowWithoutEdgesIsNoWayIn) {
  constexpr Node kNodes = 3000, kGhost = 500;
  Vectors vectors = clustered_vectors(kNodes, kDim, 12, test_seed(42));
  std::atomic<bool> go{false};
  ThreadPool pool(1);
  pool.submit([&] {
    while (!go) std::this_thread::yield();
  });
  IndexSpec spec = spec_of("hnsw", Metric::kL2, kDim, {}, &pool);
  GraphOptions options;
  options.levels = true;
  const auto top_of = [&](Node count) {
    const GraphStore levels(VectorSpace::of(Metric::kL2, ScalarType::kF32, kDim).value(), options, spec.seed);
    Node top = 0;
    for (Node node = 0; node < count; ++node) top = levels.level(node) > levels.level(top) ? node : top;
    return std::pair(top, levels.level(top));
  };
  // A seed by which row kGhost is on top of the first rows and a later one above it.
  while (top_of(kGhost + 1).first != kGhost || top_of(kNodes).second <= top_of(kGhost + 1).second)
    ++spec.seed;
  const Node saved = top_of(kNodes).first;
  ASSERT_GT(saved, kGhost);
  ASSERT_VALUE(index, create_index(spec));
  ASSERT_OK(index->add(first_rows(kNodes), vectors.block()));
  ASSERT_OK(index->remove(kGhost));
  go = true;
  ASSERT_OK(find_index_kind("hnsw").value()->settle(*index, Stop{}));
  const auto& hnsw = dynamic_cast<const GraphIndex&>(*index);
  ASSERT_EQ(hnsw.graph().entry()->node, saved);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write_with([&](CheckpointOutput& out) {
    return write_graph(out, kHnswGraph, spec, saved, hnsw.rows(), hnsw.graph());
  }));
  ASSERT_VALUE(opened, find_index_kind("hnsw").value()->open(directory, {}));
  const auto entry = dynamic_cast<const GraphIndex&>(*opened).graph().entry();
  ASSERT_TRUE(entry.has_value());
  EXPECT_NE(entry->node, kGhost);
  ASSERT_VALUE(audit, audit_graph(*opened));
  EXPECT_EQ(audit.nodes, saved - 1) << "all but the removed one";
  EXPECT_EQ(audit.unreachable, 0u);
}

}  // namespace
}  // namespace kith::test
