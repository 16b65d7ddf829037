// Goal: nodes that have left are used again for rows to come, and none is mistaken for the row it was.
// Method: rows, some of them equal, come and go in random order, with checkpoints in between; each is asked
// for.
#include "base/io/memory_file_system.h"
#include "tests/index/graph/delete_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 24;

/// Whatever comes, on whichever node: each row is found by its own vector under its own number, in scans,
/// walks and lists of allowed rows, in the index and in one opened from its checkpoint.
TEST(Reuse, NodesServeOneRowAfterAnother) {
  constexpr size_t kRows = 1500, kStep = 150, kCycles = 30;
  for (const char* kind : {"vamana", "hnsw", "nsg"}) {
    SCOPED_TRACE(kind);
    Vectors vectors = clustered_vectors(kRows + kCycles * kStep, kDim, 10, test_seed(83));
    for (size_t row = 0; row < vectors.rows; ++row) {  // chains, whose ends go first or last
      if (row % 3 == 0 || row < 700) continue;
      const size_t equal = row - 1 - (row % 7) * 100;
      std::copy_n(vectors.data.begin() + static_cast<ptrdiff_t>(equal * kDim), kDim,
                  vectors.data.begin() + static_cast<ptrdiff_t>(row * kDim));
    }
    const std::vector<Row> rows = first_rows(vectors.rows);
    const IndexSpec spec = spec_of(kind, Metric::kL2, kDim);
    ASSERT_VALUE(index, create_index(spec));
    ASSERT_OK(index->add(std::span(rows).first(kRows), part(vectors, 0, kRows)));
    settle(*index, spec);
    std::vector<bool> removed(vectors.rows);
    Random random(test_seed(84));
    for (size_t end = kRows; end < vectors.rows; end += kStep) {
      for (size_t gone = 0; gone < kStep; ++gone) {
        size_t row = random.below(end);
        while (removed[row]) row = (row + 1) % end;
        ASSERT_OK(index->remove(static_cast<Row>(row)));
        removed[row] = true;
      }
      ASSERT_OK(index->add(std::span(rows).subspan(end, kStep), part(vectors, end, kStep)));
      if (random.below(3) == 0) settle(*index, spec);
      if (random.below(4) != 0) continue;
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      ASSERT_OK(directory.write(*index));
      ASSERT_VALUE(opened, find_index_kind(kind).value()->open(directory, {}));
      EXPECT_EQ(opened->stats().rows, index->stats().rows);
      EXPECT_EQ(opened->stats().rows_end, index->stats().rows_end);
      index = std::move(opened);
    }
    settle(*index, spec);
    const auto flat = flat_of(vectors, removed);
    EXPECT_EQ(index->stats().rows, flat->stats().rows);
    EXPECT_LE(dynamic_cast<const GraphIndex&>(*index).rows().size(), flat->stats().rows + 4 * kStep);
    EXPECT_FALSE(dynamic_cast<const GraphIndex&>(*index).rows().ascend());
    std::vector<Row> some;
    for (Row row = 0; row < vectors.rows; row += 50) some.push_back(row);
    const RowSet allowed = RowSet::of(some);
    for (size_t row = 0; row < vectors.rows; ++row) {
      SearchRequest request;
      request.query = vectors[row];
      request.k = 3;
      request.effort = 40;
      request.plan = row % 2 == 0 ? FilterPlan::kAuto : FilterPlan::kScan;
      if (row % 5 == 0) request.allowed = &allowed;
      ASSERT_VALUE(answer, index->search(request));
      for (const Neighbor& neighbor : answer.neighbors) ASSERT_FALSE(removed[neighbor.row]) << row;
      if (request.plan != FilterPlan::kScan && request.allowed == nullptr) {
        EXPECT_EQ(removed[row] || answer.neighbors[0].distance == 0, true) << row;
        continue;
      }
      ASSERT_VALUE(exact, flat->search(request));
      ASSERT_EQ(answer.neighbors.size(), exact.neighbors.size()) << row;
      for (size_t i = 0; i < exact.neighbors.size(); ++i)
        EXPECT_NEAR(answer.neighbors[i].distance, exact.neighbors[i].distance, 1e-4) << row;
    }
  }
}

/// Nodes at whose numbers ways into the graph were chosen as it grew are used again: the ways in stay those
/// of all nodes.
TEST(Reuse, WaysInAreOfAllNodesWhicheverAreUsedAgain) {
  constexpr size_t kRows = 8000, kGone = 3000;
  const Vectors vectors = normal_vectors(kRows + kGone, kDim, test_seed(85));
  const std::vector<Row> rows = first_rows(vectors.rows);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "30"}});
  ASSERT_VALUE(index, create_index(spec));
  ASSERT_OK(index->add(std::span(rows).first(kRows), part(vectors, 0, kRows)));
  const GraphStore& graph = graph_of(*index);
  const auto ways_in = [&] {
    std::vector<Node> nodes(Landmarks::kMax);
    nodes.resize(graph.landmarks().read(kRows, nodes.data()));
    return nodes;
  };
  const size_t before = ways_in().size();
  EXPECT_GE(before, 32u);
  for (Row row = 0; row < kGone; ++row) ASSERT_OK(index->remove(row));
  settle(*index, spec);
  const Node entry = graph.entry()->node;
  ASSERT_OK(index->add(std::span(rows).subspan(kRows, kGone), part(vectors, kRows, kGone)));
  EXPECT_LT(dynamic_cast<const GraphIndex&>(*index).rows().size(), kRows + kGone / 2)
      << "most are used again";
  EXPECT_EQ(ways_in().size(), before);
  EXPECT_GE(std::ranges::count_if(ways_in(), [](Node node) { return node >= kGone; }), before / 2);
  EXPECT_EQ(graph.entry()->node, entry);
}

}  // namespace
}  // namespace kith::test
