// Goal: queries from elsewhere than the rows cost less after a sample of them was learnt, others no more, and
// the graph stays whole. Method: rows in clusters, queries from rotated, mixed and shifted ones; held-out
// queries by distances at equal recall, before and after, in full and on codes; inserts, removals, duplicates
// and a checkpoint around learning; the same graph for the same calls.
#include "base/io/memory_file_system.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 48;
constexpr size_t kRows = 10'000, kTaught = 5'000, kAsked = 200;

/// Between a cluster's centre with its axes moved on and another's, off all of them.
Vectors foreign_queries(size_t count, uint64_t seed) {
  const Vectors centres = normal_vectors(100, kDim, test_seed(131));  // those of the rows
  Vectors out = normal_vectors(count, kDim, seed);
  Random random(seed);
  for (size_t i = 0; i < count; ++i) {
    const float* moved = centres.row(random.below(100));
    const float* other = centres.row(random.below(100));
    for (uint32_t d = 0; d < kDim; ++d) {
      float& x = out.data[i * kDim + d];
      x = 0.5f * x + 0.6f * moved[(d + 7) % kDim] + 0.4f * other[d] + 1;
    }
  }
  return out;
}

struct OutOfDistribution {
  Vectors rows, like_rows, taught, asked;

  OutOfDistribution() {
    auto set = rows_and_queries(clustered_vectors(kRows + kAsked, kDim, 100, test_seed(131)), kAsked);
    rows = std::move(set.first);
    like_rows = std::move(set.second);
    taught = foreign_queries(kTaught, test_seed(132));
    asked = foreign_queries(kAsked, test_seed(133));
  }
};

Result<void> learn(const char* kind, Index& index, const Vectors& queries) {
  return find_index_kind(kind).value()->learn(index, queries.block(), Stop{});
}

/// But for edges to nodes that have left: no checkpoint has those.
std::vector<Node> all_lists(const Index& index) {
  const auto& graph_index = dynamic_cast<const GraphIndex&>(index);
  const AdjacencyStore& lists = graph_index.graph().base();
  std::vector<Node> out, list(lists.capacity());
  for (Node node = 0; node < graph_index.rows().size(); ++node) {
    const uint32_t degree = lists.read(node, list.data());
    std::copy_if(list.begin(), list.begin() + degree, std::back_inserter(out),
                 [&](Node other) { return !graph_index.graph().left(other); });
    out.push_back(kNoNode);
  }
  return out;
}

class Learning : public testing::TestWithParam<std::tuple<Metric, const char*>> {};

TEST_P(Learning, HeldOutQueriesCostLessOthersNoMore_slow) {
  const auto [metric, codes] = GetParam();
  const OutOfDistribution set;
  ThreadPool pool(2);
  const auto flat = build(spec_of("flat", metric, kDim), set.rows);
  const auto index = build(spec_of("vamana", metric, kDim, {{"codes", codes}}, &pool), set.rows);
  const auto cost = [&](double recall) {  // of a held-out query at that recall
    for (uint32_t effort = 10; effort <= 600; effort = effort * 9 / 8 + 1)
      if (const Measured found = measure(*index, *flat, set.asked, effort); found.recall >= recall)
        return found.distances + found.codes;
    return 1e9;
  };
  const double before = cost(0.95);
  const Measured own_before = measure(*index, *flat, set.like_rows, 64);
  ASSERT_OK(learn("vamana", *index, set.taught));
  const double after = cost(0.95);
  const Measured own_after = measure(*index, *flat, set.like_rows, 64);
  std::printf(
      "%s, codes %s: %.0f distances at .95 before, %.0f after; of the rows' own kind %.4f for %.0f, %.4f "
      "for %.0f\n",
      std::string(metric_name(metric)).c_str(), codes, before, after, own_before.recall,
      own_before.distances + own_before.codes, own_after.recall, own_after.distances + own_after.codes);
  EXPECT_LE(after, 0.8 * before);
  EXPECT_LE(after, 600);
  EXPECT_GE(own_after.recall, own_before.recall - 0.01);
  EXPECT_LE(own_after.distances + own_after.codes, 1.1 * (own_before.distances + own_before.codes));
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

INSTANTIATE_TEST_SUITE_P(Spaces, Learning,
                         testing::Combine(testing::Values(Metric::kL2, Metric::kInnerProduct,
                                                          Metric::kCosine),
                                          testing::Values("none", "rabitq4")),
                         [](const auto& which) {
                           return fmt::format("{}_{}", metric_name(std::get<0>(which.param)),
                                              std::get<1>(which.param));
                         });

/// Forced edges of learning leave room for those of the tree; no list holds a node twice.
TEST(Learn, TheGraphStaysWholeAndGrows) {
  OutOfDistribution set;
  std::copy_n(set.rows.data.begin(), 500 * kDim, set.rows.data.begin() + 1000 * kDim);  // duplicates
  for (const char* kind : {"hnsw", "vamana", "nsw", "nsg"}) {
    SCOPED_TRACE(kind);
    ThreadPool pool(2);
    ASSERT_VALUE(created, create_index(spec_of(kind, Metric::kL2, kDim, {}, &pool)));
    const std::vector<Row> rows = first_rows(kRows);
    ASSERT_OK(created->add(std::span(rows).first(5000), part(set.rows, 0, 5000)));
    for (Row row = 0; row < 5000; row += 50) ASSERT_OK(created->remove(row));
    for (int round = 0; round < 3; ++round) ASSERT_OK(learn(kind, *created, set.taught));
    ASSERT_OK(created->add(std::span(rows).subspan(5000), part(set.rows, 5000, 5000)));
    ASSERT_OK(find_index_kind(kind).value()->settle(*created, Stop{}));
    ASSERT_VALUE(audit, audit_graph(*created));
    EXPECT_EQ(audit.unreachable, 0u);
    const AdjacencyStore& lists = dynamic_cast<const GraphIndex&>(*created).graph().base();
    std::vector<Node> list(lists.capacity());
    for (Node node = 0; node < kRows; ++node) {
      const auto end = list.begin() + lists.read(node, list.data());
      std::sort(list.begin(), end);
      ASSERT_EQ(std::adjacent_find(list.begin(), end), end) << "node " << node;
      ASSERT_EQ(std::find(list.begin(), end, node), end);
    }
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.write(*created));
    ASSERT_VALUE(opened, find_index_kind(kind).value()->open(directory, {}));
    EXPECT_EQ(all_lists(*opened), all_lists(*created));
  }
}

TEST(Learn, TheSameGraphForTheSameCalls) {
  const OutOfDistribution set;
  std::vector<std::vector<Node>> graphs;
  for (const size_t threads : {1, 2}) {
    ThreadPool pool(threads);
    const auto index =
        build(spec_of("vamana", Metric::kL2, kDim, {{"deterministic", "true"}}, &pool), set.rows);
    ASSERT_OK(learn("vamana", *index, set.taught));
    graphs.push_back(all_lists(*index));
  }
  EXPECT_EQ(graphs[0], graphs[1]);
}

TEST(Learn, RefusesWhatIsNoQuery) {
  const OutOfDistribution set;
  const auto index = build(spec_of("vamana", Metric::kL2, kDim), set.rows);
  const Vectors narrow = normal_vectors(3, kDim - 1, 1);
  EXPECT_FALSE(learn("vamana", *index, narrow).ok());
  EXPECT_OK(learn("vamana", *index, Vectors{{}, kDim, 0}));
  EXPECT_EQ(find_index_kind("flat").value()->learn, nullptr);
}

}  // namespace
}  // namespace kith::test
