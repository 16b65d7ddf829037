// Goal: with `deterministic` the graph is a function of seed, rows and calls, whatever the threads, and is no
// worse for it. Method: checkpoint bytes of builds by 1 and 2 threads over sets with duplicates and zero
// vectors; audit and recall against the flat kind.
#include "base/io/memory_file_system.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

class Deterministic : public testing::TestWithParam<const char*> {};

TEST_P(Deterministic, OneAndTwoThreadsBuildTheSameGraph) {
  constexpr uint32_t kDim = 16;
  Vectors vectors = clustered_vectors(2600, kDim, 15, test_seed(61));
  for (size_t i = 40; i < vectors.rows; i += 17) {  // runs of equal vectors, some of zeros
    for (uint32_t d = 0; d < kDim; ++d)
      vectors.data[i * kDim + d] = i % 5 == 0 ? 0 : vectors.data[i % 23 * kDim + d];
  }
  const auto [rows, queries] = rows_and_queries(vectors, 100);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    std::vector<CheckpointFiles> saved;
    for (const size_t threads : {0, 1, 2}) {
      const auto pool = threads == 0 ? nullptr : std::make_unique<ThreadPool>(threads);
      const auto index =
          build(spec_of(GetParam(), metric, kDim, {{"deterministic", "true"}}, pool.get()), rows);
      saved.push_back(checkpoint_files(*index));
      ASSERT_VALUE(audit, audit_graph(*index));
      EXPECT_EQ(audit.unreachable, 0u);
      EXPECT_GT(audit.chained, 120u);
      const Measured found = measure(*index, *build(spec_of("flat", metric, kDim), rows), queries, 64);
      EXPECT_GE(found.recall, 0.97) << metric_name(metric);
      EXPECT_LE(found.distances, 0.45 * 2500);
    }
    EXPECT_EQ(saved[0], saved[1]) << metric_name(metric);
    EXPECT_EQ(saved[0], saved[2]) << metric_name(metric);
  }
}

TEST_P(Deterministic, AnotherSeedIsAnotherGraph) {
  const Vectors vectors = clustered_vectors(2000, 8, 10, test_seed(62));
  IndexSpec spec = spec_of("hnsw", Metric::kL2, 8, {{"deterministic", "true"}});
  const auto one = checkpoint_files(*build(spec, vectors));
  spec.seed = 101;
  EXPECT_NE(one, checkpoint_files(*build(spec, vectors)));
}

INSTANTIATE_TEST_SUITE_P(Kinds, Deterministic, testing::Values("hnsw", "vamana"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace kith::test
