// Goal: graphs built at once hang together on any data, go on growing, and lose nothing while they are built.
// Method: counts of the repair on two clusters that no nearest neighbour joins; adversaries; threads that
// add, search, save and settle at once (under TSan in CI).
#include "index/graph/graph_builder.h"

#include <thread>

#include "base/io/memory_file_system.h"
#include "index/graph/graph_index.h"
#include "index/graph/nn_descent.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

Vectors two_far_clusters(size_t rows, uint32_t dim, uint64_t seed) {
  Vectors vectors = normal_vectors(rows, dim, seed);
  for (size_t i = 0; i < rows; i += 2) vectors.data[i * dim] += 100;
  return vectors;
}

/// A graph of nearest neighbours alone, which never leaves a cluster.
Result<void> build_nearest(const BuildInput& in) {
  const KnnGraph knn = TRY(nn_descent(in.graph.vectors(), in.nodes, 8, 1, in.pool, in.stop));
  std::vector<Node> list(knn.k());
  for (const Node node : in.nodes)
    in.graph.base().assign(node, std::span(list).first(knn.read(node, list.data())));
  return {};
}

constexpr GraphKind kNearest = {
    .name = "nearest", .summary = "", .magic = "KITHTEST", .build = build_nearest, .parse = nullptr};

TEST(GraphBuilder, TheRepairJoinsWhatTheBuilderLeftApart) {
  constexpr Node kRows = 3000;
  const Vectors vectors = two_far_clusters(kRows, 8, test_seed(101));
  GraphStore graph(VectorSpace::of(Metric::kL2, ScalarType::kF32, 8).value(), {}, 1);
  ASSERT_OK(graph.grow(kRows));
  RowTable rows;
  ASSERT_OK(rows.reserve(first_rows(kRows)));
  for (Node node = 0; node < kRows; ++node) graph.vectors().set(node, vectors[node].data);
  rows.publish(first_rows(kRows));
  ScratchPool<LinkScratch> scratch;
  ASSERT_VALUE(counts, build_graph(kNearest.build, graph, rows, kRows, scratch, nullptr, Stop{}));
  EXPECT_GE(counts.unreached, 1u);
  EXPECT_LT(counts.unreached, kRows / 10) << "once attached, a cluster is walked by its own edges";
  const NodeBits reachable = graph.reachable(kRows);
  for (Node node = 0; node < kRows; ++node) EXPECT_TRUE(reachable.has(node)) << node;
}

class BatchKinds : public testing::TestWithParam<const char*> {};

TEST_P(BatchKinds, RecallForFewDistances) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(12'200, 24, 10, test_seed(102)), 200);
  ThreadPool pool(2);
  const auto index = build(spec_of(GetParam(), Metric::kL2, 24, {}, &pool), vectors);
  const Measured found = measure_at(*index, *build(spec_of("flat", Metric::kL2, 24), vectors), queries, 0.95);
  EXPECT_GT(found.recall, 0) << "recall .95 is not reached";
  EXPECT_LE(found.distances, 0.12 * 12'000);
  std::printf("%s: %.0f distances at recall .95\n", GetParam(), found.distances);
}

TEST_P(BatchKinds, RowsThatComeLaterAreLinked) {
  const auto set = rows_and_queries(clustered_vectors(4200, 16, 10, test_seed(103)), 200);
  const Vectors &vectors = set.first, &queries = set.second;  // clang 14 lets no lambda take bindings
  ThreadPool pool(2);
  const std::vector<Row> rows = first_rows(4000);
  ASSERT_VALUE(index, create_index(spec_of(GetParam(), Metric::kL2, 16, {{"pending_max", "2000"}}, &pool)));
  const auto part = [&](size_t first, size_t count) {
    const VectorBlock all = vectors.block();
    return index->add(std::span(rows).subspan(first, count), {all[first].data, all.type, all.dim, count});
  };
  ASSERT_OK(part(0, 1000));
  EXPECT_EQ(index->stats().pending, 1000u) << "built too early";
  SearchRequest request;
  request.query = vectors[999];
  ASSERT_VALUE(pending, index->search(request));
  EXPECT_EQ(pending.neighbors[0].row, 999u);
  EXPECT_EQ(pending.stats.full_distances, 1000u);
  ASSERT_OK(part(1000, 1500));
  EXPECT_LT(index->stats().pending, 2000u) << "more than pending_max: built";
  ASSERT_OK(part(2500, 1500));
  ASSERT_OK(find_index_kind(GetParam()).value()->settle(*index, Stop{}));
  EXPECT_EQ(index->stats().pending, 0u);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.nodes, 4000u);
  EXPECT_EQ(audit.unreachable, 0u);
  const Measured found = measure(*index,
                                 *build(spec_of("flat", Metric::kL2, 16),
                                        {{vectors.data.begin(), vectors.data.begin() + 4000 * 16}, 16, 4000}),
                                 queries, 100);
  EXPECT_GE(found.recall, 0.95);
  EXPECT_LE(found.distances, 0.4 * 4000);
}

TEST_P(BatchKinds, ABuildThatIsStoppedLeavesRowsWaiting) {
  const Vectors vectors = normal_vectors(3000, 16, test_seed(104));
  ThreadPool pool(1);
  ASSERT_VALUE(index, create_index(spec_of(GetParam(), Metric::kL2, 16, {}, &pool)));
  ASSERT_OK(index->add(first_rows(3000), vectors.block()));
  Stop stop;
  static std::atomic<int> asked;
  asked = 0;
  stop.cancelled = [](const void*) { return ++asked > 1; };
  EXPECT_ERROR(find_index_kind(GetParam()).value()->settle(*index, stop), Code::kCancelled, "cancelled");
  EXPECT_EQ(index->stats().pending, 3000u);
  ASSERT_OK(find_index_kind(GetParam()).value()->settle(*index, Stop{}));
  EXPECT_EQ(index->stats().pending, 0u);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

TEST_P(BatchKinds, NothingIsLostWhileItIsBuilt) {
  const Vectors vectors = clustered_vectors(3000, 12, 10, test_seed(105));
  const std::vector<Row> rows = first_rows(3000);
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of(GetParam(), Metric::kL2, 12, {{"pending_max", "1000"}}, &pool)));
  std::atomic<size_t> added{0};
  std::atomic<bool> failed{false};
  std::thread searcher([&] {
    Random random(7);
    while (added < 3000 && !failed) {
      const size_t limit = added;
      if (limit == 0) continue;
      SearchRequest request;
      request.query = vectors[random.below(limit)];
      request.k = 1;
      request.effort = 1500;  // half of all: what is not found with that is cut off
      const auto answer = index->search(request);
      if (!answer || answer->neighbors.empty() || answer->neighbors[0].distance != 0) failed = true;
    }
  });
  std::thread settler([&] {
    while (added < 3000 && !failed) {
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      if (added > 500 && !find_index_kind(GetParam()).value()->settle(*index, Stop{})) failed = true;
      if (!directory.write(*index) || !find_index_kind(GetParam()).value()->open(directory, {}))
        failed = true;
    }
  });
  for (size_t i = 0; i < 3000; i += 50) {
    const VectorBlock all = vectors.block();
    EXPECT_OK(index->add(std::span(rows).subspan(i, 50), {all[i].data, all.type, all.dim, 50}));
    added = i + 50;
  }
  searcher.join();
  settler.join();
  EXPECT_FALSE(failed);
  ASSERT_OK(find_index_kind(GetParam()).value()->settle(*index, Stop{}));
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.nodes, 3000u);
  EXPECT_EQ(audit.unreachable, 0u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, BatchKinds, testing::Values("nsg", "nssg", "hcnng"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace kith::test
