// Goal: Vamana as card A3 wants it: α buys hops, recall for few distances, an entry in the middle of the
// data. Method: builds that differ in α alone, compared at equal recall; 100,000 rows of a real set under
// KITH_DATASETS.
#include <thread>

#include "datasets/catalog.h"
#include "datasets/reader.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

/// Every `stride`th row as f32.
Vectors read_rows(const DataSource& source, size_t stride, size_t count) {
  ReaderOptions options = source.options;
  options.rows_max = stride * count;
  const auto read = read_matrix(source.path, options);
  EXPECT_OK(read);
  const Matrix matrix = to_f32_matrix(*read);
  const auto* values = reinterpret_cast<const float*>(matrix.data.data());
  Vectors out{{}, matrix.dim, matrix.rows / stride};
  for (size_t i = 0; i < out.rows; ++i)
    out.data.insert(out.data.end(), values + i * stride * matrix.dim, values + (i * stride + 1) * matrix.dim);
  return out;
}

TEST(Vamana, AlphaBuysHops_slow) {
  const auto set = rows_and_queries(normal_vectors(12'300, 24, test_seed(71)), 300);
  const Vectors &vectors = set.first, &queries = set.second;  // clang 14 lets no lambda take bindings
  const auto flat = build(spec_of("flat", Metric::kL2, 24), vectors);
  const auto hops = [&](const char* alpha) {
    const auto index = build(spec_of("vamana", Metric::kL2, 24, {{"alpha", alpha}}), vectors);
    return measure_at(*index, *flat, queries, 0.95).hops;
  };
  const double relative = hops("1.0"), longer = hops("1.2");
  ASSERT_GT(longer, 0);
  EXPECT_LT(longer, 0.95 * relative) << "hops at recall .95";
  RecordProperty("hops_alpha_1.0", std::to_string(relative));
  RecordProperty("hops_alpha_1.2", std::to_string(longer));
}

/// R = 32, L = 50, α = 1.2 as DiskANN's in-memory example takes them (its α is on squared distances: 1.095
/// here) on 100,000 rows of the real SIFT set. On its own SIFT rows that gives 97.8 / 98.9 / 99.6 / 99.9 %
/// for 349 / 526 / 987 / 1,632 distances at L 10 / 20 / 50 / 100; ours is another set, 1,000 photos, and the
/// rows are every fifth. (A degree of 42 is R = 32 with the slack of 1.3.)
TEST(Vamana, Sift100k_slow) {
  const char* directory = std::getenv("KITH_DATASETS");
  if (directory == nullptr || *directory == 0) GTEST_SKIP() << "no KITH_DATASETS";
  ResolveOptions where;
  where.download = where.synthetic = false;
  const auto set = resolve("sift-imagenet1000-128-euclidean", where);
  if (!set) GTEST_SKIP() << set.error().message;
  const Vectors vectors = read_rows(set->base, 5, 100'000), queries = read_rows(set->queries, 1, 500);
  ThreadPool pool(std::thread::hardware_concurrency());
  const auto index = build(
      spec_of("vamana", Metric::kL2, 128,
              {{"degree", "42"}, {"ef_construction", "50"}, {"alpha", "1.095"}, {"codes", "none"}}, &pool),
      vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, 128), vectors);
  struct Row {
    uint32_t effort;
    double recall, distances;
  };
  for (const Row& want :
       {Row{10, 0.80, 450}, Row{20, 0.90, 650}, Row{50, 0.97, 1150}, Row{100, 0.99, 1850}}) {
    const Measured found = measure(*index, *flat, queries, want.effort);
    std::printf("L %u: recall %.4f, %.0f distances, %.0f hops\n", want.effort, found.recall, found.distances,
                found.hops);
    EXPECT_GE(found.recall, want.recall) << "L " << want.effort;
    EXPECT_LE(found.distances, want.distances) << "L " << want.effort;
  }
}

/// The entry follows the data: rows far from the first ones come later and are most of all.
TEST(Vamana, EntryMovesToTheMiddle) {
  Vectors vectors = normal_vectors(9000, 8, test_seed(72));
  for (size_t i = 500 * 8; i < vectors.data.size(); ++i) vectors.data[i] += 40;
  const auto index = build(spec_of("vamana", Metric::kL2, 8), vectors);
  const auto entry = dynamic_cast<const GraphIndex&>(*index).graph().entry();
  ASSERT_TRUE(entry.has_value());
  float off = 0;
  for (uint32_t d = 0; d < 8; ++d) off += std::abs(vectors.row(entry->node)[d] - 38);
  EXPECT_LT(off / 8, 3) << "entry " << entry->node;
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

TEST(Vamana, RefusesWrongOptions) {
  for (const IndexOptions& wrong :
       {IndexOptions{{"alpha", "0.9"}}, {{"alpha", "1,2"}}, {{"degree", "3"}}, {{"m", "16"}}})
    EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, 8, wrong)), Code::kInvalidArgument,
                 wrong[0].first);
}

}  // namespace
}  // namespace kith::test
