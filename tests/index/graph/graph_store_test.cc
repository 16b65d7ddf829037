// Goal: the stored graph follows the paper's rules and hangs together on any data. Method: chi-square of
// levels; breadth first search over layer 0 on sets made to cut graphs apart, built by one and by two
// threads.
#include "index/graph/graph_store.h"

#include <cmath>
#include <set>

#include "index/distance/distance.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

TEST(GraphStore, LevelsAreGeometric) {
  for (const uint32_t m : {2u, 8u, 16u, 48u}) {
    GraphOptions options;
    options.links = m;
    options.levels = true;
    const VectorSpace space = VectorSpace::of(Metric::kL2, ScalarType::kF32, 4).value();
    const GraphStore graph(space, options, test_seed(7));
    constexpr size_t kNodes = 1 << 20;
    std::vector<double> counts(GraphStore::kLevelMax + 1);
    for (Node node = 0; node < kNodes; ++node) counts[graph.level(node)] += 1;
    // P(level ≥ l) = m^-l; levels whose expectation is below 10 are pooled.
    double chi_square = 0, observed_left = kNodes, expected_left = kNodes;
    int degrees = 0;
    for (uint32_t level = 0; expected_left / m >= 10; ++level, ++degrees) {
      const double expected = expected_left * (1 - 1.0 / m);
      chi_square += (counts[level] - expected) * (counts[level] - expected) / expected;
      observed_left -= counts[level];
      expected_left /= m;
    }
    chi_square += (observed_left - expected_left) * (observed_left - expected_left) / expected_left;
    // Mean and deviation of chi-square with `degrees` of freedom are d and √(2d): 5 deviations and a margin.
    EXPECT_LT(chi_square, degrees + 5 * std::sqrt(2.0 * degrees) + 5)
        << "m " << m << ", " << degrees << " degrees";
  }
}

struct Adversary {
  const char* name;
  Metric metric;
  Vectors vectors;
};

std::vector<Adversary> adversaries(size_t rows, uint64_t seed) {
  std::vector<Adversary> out;
  out.push_back({"normal", Metric::kL2, normal_vectors(rows, 24, seed)});
  out.push_back({"clusters", Metric::kL2, clustered_vectors(rows, 24, 50, seed)});
  Vectors duplicates = normal_vectors(rows, 24, seed + 1);
  Random random(seed);
  for (size_t i = 0; i < rows; ++i) {  // a fifth of the rows repeat one of 40
    if (i < 40 || random.below(5) != 0) continue;
    const size_t from = random.below(40);
    std::copy_n(duplicates.row(from), 24, duplicates.data.begin() + static_cast<ptrdiff_t>(i * 24));
  }
  out.push_back({"duplicates", Metric::kL2, duplicates});
  out.push_back({"duplicates under cosine", Metric::kCosine, duplicates});
  out.push_back({"all equal", Metric::kL2, {std::vector<float>(rows * 24, 1.5f), 24, rows}});
  out.push_back({"all zero under cosine", Metric::kCosine, {std::vector<float>(rows * 24, 0.0f), 24, rows}});
  Vectors outliers = normal_vectors(rows, 24, seed + 2);
  for (size_t i = rows / 2; i < rows; i += 50)
    for (size_t d = 0; d < 24; ++d) outliers.data[i * 24 + d] += 1e4f;
  out.push_back({"far outliers", Metric::kL2, outliers});
  Vectors line = normal_vectors(rows, 24, seed + 3);
  for (size_t i = 0; i < rows; ++i)
    for (size_t d = 0; d < 24; ++d) line.data[i * 24 + d] = static_cast<float>(i * (d + 1));
  out.push_back({"collinear", Metric::kL2, line});
  Vectors lengths = normal_vectors(rows, 24, seed + 4);
  for (size_t i = 0; i < rows; ++i)
    for (size_t d = 0; d < 24; ++d)
      lengths.data[i * 24 + d] *= std::exp(static_cast<float>(random.normal() * 2));
  out.push_back({"lengths under inner product", Metric::kInnerProduct, lengths});
  Vectors grid = normal_vectors(rows, 24, seed + 5);
  for (float& x : grid.data) x = std::round(x);
  out.push_back({"grid of ties", Metric::kL2, grid});
  return out;
}

class GraphReach : public testing::TestWithParam<size_t> {};  // threads; 0 = on the calling thread

TEST_P(GraphReach, EveryLiveNodeIsReachable) {
  const uint64_t seed = test_seed(11);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  std::unique_ptr<ThreadPool> pool = GetParam() == 0 ? nullptr : std::make_unique<ThreadPool>(GetParam());
  for (const Adversary& adversary : adversaries(4000, seed)) {
    for (const char* m : {"4", "16"}) {
      const auto index =
          build(spec_of("hnsw", adversary.metric, 24, {{"m", m}, {"ef_construction", "60"}}, pool.get()),
                adversary.vectors);
      ASSERT_VALUE(audit, audit_graph(*index));
      EXPECT_EQ(audit.nodes, adversary.vectors.rows);
      EXPECT_EQ(audit.unreachable, 0u) << adversary.name << ", m " << m;
      for (size_t i = 0; i < 4000; i += 3) ASSERT_OK(index->remove(static_cast<Row>(i)));
      // An audit follows lists one after another: what moves from one to another meanwhile it may miss.
      ASSERT_OK(find_index_kind("hnsw").value()->settle(*index, Stop{}));
      ASSERT_VALUE(after, audit_graph(*index));
      EXPECT_EQ(after.unreachable, 0u) << adversary.name << " after removals, m " << m;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Threads, GraphReach, testing::Values(0, 2));

TEST(GraphStore, EveryKindHangsTogetherOnAnyData) {
  const uint64_t seed = test_seed(12);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  ThreadPool pool(2);
  for (const Adversary& adversary : adversaries(1500, seed)) {
    for (const IndexKind* kind : index_kinds()) {
      const IndexSpec spec = spec_of(kind->name, adversary.metric, 24, {}, &pool);
      const auto index = build(spec, adversary.vectors);
      if (dynamic_cast<const GraphIndex*>(index.get()) == nullptr) continue;
      ASSERT_VALUE(audit, audit_graph(*index));
      EXPECT_EQ(audit.nodes, adversary.vectors.rows);
      EXPECT_EQ(audit.unreachable, 0u) << adversary.name << ", " << kind->name;
    }
  }
}

TEST(GraphStore, EqualVectorsHangInOneChain) {
  const Vectors equal{std::vector<float>(5000 * 8, 2.0f), 8, 5000};
  const auto index = build(spec_of("hnsw", Metric::kL2, 8), equal);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.chained, 4999u);
  EXPECT_EQ(audit.edges, 0u);
  for (Row row = 0; row < 4000; ++row) ASSERT_OK(index->remove(row));
  SearchRequest request;
  request.query = equal[0];
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->neighbors.size(), 10u);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(answer->neighbors[i].row, 4000 + i);  // ties in row order
}

/// The distance of a vector to itself is rounding noise there, and other noise in other kernels.
TEST(GraphStore, EqualVectorsOfShortFloatsHangInChainsUnderCosine) {
  constexpr size_t kRows = 3000;
  constexpr uint32_t kWide = 96;
  Vectors vectors = normal_vectors(kRows, kWide, test_seed(9));
  for (size_t i = 100; i < kRows; ++i)  // 100 vectors, 30 times each
    std::copy_n(vectors.row(i % 100), kWide, vectors.data.begin() + static_cast<ptrdiff_t>(i * kWide));
  for (const ScalarType type : {ScalarType::kF16, ScalarType::kBF16}) {
    std::vector<std::byte> bytes(kRows * vector_bytes(type, kWide));
    ASSERT_OK(from_f32(vectors.data.data(), kRows * kWide, type, bytes.data()));
    IndexSpec spec = spec_of("hnsw", Metric::kCosine, kWide);
    spec.type = type;
    ASSERT_VALUE(index, create_index(spec));
    ASSERT_OK(index->add(first_rows(kRows), VectorBlock{bytes.data(), type, kWide, kRows}));
    ASSERT_VALUE(audit, audit_graph(*index));
    EXPECT_EQ(audit.chained, kRows - 100);
    EXPECT_EQ(audit.unreachable, 0u);
  }
}

TEST(GraphStore, FindsDuplicatesInFullWhereTheyAreTheNearest) {
  const uint64_t seed = test_seed(3);
  Vectors vectors = clustered_vectors(6000, 16, 30, seed);
  for (size_t i = 3000; i < 3400; ++i)
    std::copy_n(vectors.row(0), 16, vectors.data.begin() + static_cast<ptrdiff_t>(i * 16));
  const auto index = build(spec_of("hnsw", Metric::kL2, 16), vectors);
  SearchRequest request;
  request.query = vectors[0];
  request.k = 401;
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  ASSERT_EQ(answer->neighbors.size(), 401u);
  for (const Neighbor& neighbor : answer->neighbors) EXPECT_EQ(neighbor.distance, 0.0f) << neighbor.row;
}

TEST(GraphStore, ListsKeepTheirBounds) {
  const Vectors vectors = clustered_vectors(3000, 16, 20, test_seed(5));
  for (const bool fill : {false, true}) {
    const auto index = build(
        spec_of("hnsw", Metric::kL2, 16, {{"m", "6"}, {"keep_pruned", fill ? "true" : "false"}}), vectors);
    ASSERT_VALUE(audit, audit_graph(*index));
    ASSERT_EQ(audit.degrees.size(), 13u);
    EXPECT_EQ(audit.degrees[0], 0u);
    const double mean = static_cast<double>(audit.edges) / static_cast<double>(audit.nodes);
    EXPECT_GT(mean, fill ? 8.0 : 3.0);
    EXPECT_LT(mean, fill ? 12.1 : 11.0);
    EXPECT_EQ(std::accumulate(audit.levels.begin(), audit.levels.end(), uint64_t{0}), audit.nodes);
  }
  EXPECT_ERROR(audit_graph(*build(spec_of("flat", Metric::kL2, 16), vectors)), Code::kInvalidArgument,
               "no graph");
}

TEST(GraphStore, SameSeedSameGraph) {
  const Vectors vectors = clustered_vectors(2000, 16, 20, test_seed(6));
  const auto a = build(spec_of("hnsw", Metric::kL2, 16), vectors);
  const auto b = build(spec_of("hnsw", Metric::kL2, 16), vectors);
  IndexSpec other = spec_of("hnsw", Metric::kL2, 16);
  other.seed = 101;
  const auto c = build(other, vectors);
  const GraphAudit one = audit_graph(*a).value(), two = audit_graph(*b).value(),
                   three = audit_graph(*c).value();
  EXPECT_EQ(one.degrees, two.degrees);
  EXPECT_EQ(one.levels, two.levels);
  EXPECT_NE(one.levels, three.levels);
}

}  // namespace
}  // namespace kith::test
