// Goal: exact neighbours are exact, ties go to the lower row, and recall counts equal distances as hits.
// Method: a plain double-precision sort as the oracle, over metrics, types, adversarial sets and thread
// counts.
#include "datasets/ground_truth.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "datasets/recall.h"
#include "datasets/synthetic.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

std::vector<int32_t> oracle(VectorBlock base, VectorView query, Metric metric, uint32_t k) {
  std::vector<std::pair<double, int32_t>> all;
  for (size_t row = 0; row < base.count; ++row)
    all.push_back({exact_distance(metric, query, base[row]), static_cast<int32_t>(row)});
  std::sort(all.begin(), all.end());
  std::vector<int32_t> rows(k, -1);
  for (size_t i = 0; i < std::min<size_t>(k, all.size()); ++i) rows[i] = all[i].second;
  return rows;
}

void expect_exact(VectorBlock base, VectorBlock queries, Metric metric, uint32_t k, ThreadPool* pool) {
  ASSERT_VALUE(neighbors, exact_neighbors(base, queries, metric, k, pool));
  ASSERT_EQ(neighbors.rows, queries.count);
  for (size_t query = 0; query < queries.count; ++query) {
    const std::vector<int32_t> wanted = oracle(base, queries[query], metric, k);
    EXPECT_EQ(std::vector<int32_t>(neighbors[query], neighbors[query] + k), wanted) << "query " << query;
  }
}

TEST(ExactDistance, KnownValues) {
  const float a[] = {3, 4};
  const float b[] = {4, 3};
  const float zero[] = {0, 0};
  const float bad[] = {NAN, 0};
  const auto view = [](const float* data) {
    return VectorView{reinterpret_cast<const std::byte*>(data), ScalarType::kF32, 2};
  };
  EXPECT_EQ(exact_distance(Metric::kL2, view(a), view(b)), 2);
  EXPECT_EQ(exact_distance(Metric::kInnerProduct, view(a), view(b)), -24);
  EXPECT_NEAR(exact_distance(Metric::kCosine, view(a), view(b)), 0.04, 1e-15);
  EXPECT_EQ(exact_distance(Metric::kCosine, view(zero), view(zero)), 1);
  EXPECT_EQ(exact_distance(Metric::kL2, view(a), view(bad)), HUGE_VAL);
  const std::byte bits[] = {std::byte{0b1011}, std::byte{0b0001}};
  EXPECT_EQ(exact_distance(Metric::kHamming, {bits, ScalarType::kBit, 4}, {bits + 1, ScalarType::kBit, 4}),
            2);
  const std::byte bytes[] = {std::byte{3}, std::byte{4}};
  EXPECT_EQ(exact_distance(Metric::kL2, {bytes, ScalarType::kU8, 2}, view(b)), 2);
}

TEST(ExactNeighbors, EqualTheOracleOnClustersForEveryMetric) {
  const uint64_t seed = test_seed(11);
  SCOPED_TRACE(seed);
  const VectorSet set = make_clustered({.rows = 3000, .queries = 40, .dim = 33, .seed = seed});
  ThreadPool pool(3);
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine}) {
    SCOPED_TRACE(metric_name(metric));
    expect_exact(set.base.block(), set.queries.block(), metric, 10, &pool);
    expect_exact(set.base.block(), set.queries.block(), metric, 1, nullptr);
  }
}

TEST(ExactNeighbors, EqualTheOracleOnAdversaries) {
  const uint64_t seed = test_seed(12);
  SCOPED_TRACE(seed);
  for (const Adversary adversary : kAdversaries) {
    const Matrix base = make_adversarial(adversary, 2500, 17, seed);
    const Matrix queries = make_adversarial(adversary, 5, 17, seed + 1);
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine}) {
      SCOPED_TRACE(std::string(adversary_name(adversary)) + " " + std::string(metric_name(metric)));
      expect_exact(base.block(), queries.block(), metric, 20, nullptr);
      expect_exact(base.block(),
                   base.block().count > 3 ? VectorBlock{base.data.data(), base.type, 17, 3} : base.block(),
                   metric, 20, nullptr);
    }
  }
}

// Differences that f32 sums cannot see: 2^-12 on top of 4096 rows of large equal parts.
TEST(ExactNeighbors, DistancesEqualInF32AreOrderedInDouble) {
  const uint32_t dim = 16;
  Matrix base{std::vector<std::byte>(200 * dim * 4), ScalarType::kF32, dim, 200};
  auto* data = reinterpret_cast<float*>(base.data.data());
  for (size_t row = 0; row < 200; ++row) {
    std::fill_n(data + row * dim, dim, 1000.0f);
    data[row * dim + 5] = 1000.0f + 0.0001f * static_cast<float>(200 - row);
  }
  const std::vector<float> zero(dim, 0.0f);
  const VectorBlock query{reinterpret_cast<const std::byte*>(zero.data()), ScalarType::kF32, dim, 1};
  expect_exact(base.block(), query, Metric::kL2, 30, nullptr);
}

TEST(ExactNeighbors, IntegerAndMixedTypes) {
  Random random(5);
  Matrix base{std::vector<std::byte>(1500 * 24), ScalarType::kU8, 24, 1500};
  for (std::byte& b : base.data) b = static_cast<std::byte>(random.below(256));
  const VectorBlock queries{base.data.data(), ScalarType::kU8, 24, 20};
  expect_exact(base.block(), queries, Metric::kL2, 10, nullptr);
  Matrix first{{base.data.begin(), base.data.begin() + 20 * 24}, ScalarType::kU8, 24, 20};
  const Matrix floats = to_f32_matrix(first);
  expect_exact(base.block(), floats.block(), Metric::kL2, 10, nullptr);
  const VectorBlock bits{base.data.data(), ScalarType::kBit, 96, 3000};
  expect_exact(bits, {base.data.data(), ScalarType::kBit, 96, 10}, Metric::kHamming, 10, nullptr);
}

TEST(ExactNeighbors, FewRowsAndBadArguments) {
  const Vectors rows = normal_vectors(3, 4, 1);
  expect_exact(rows.block(), rows.block(), Metric::kL2, 5, nullptr);
  expect_exact({rows.block().data, ScalarType::kF32, 4, 0}, rows.block(), Metric::kL2, 2, nullptr);
  const Vectors other = normal_vectors(3, 5, 1);
  EXPECT_ERROR(exact_neighbors(rows.block(), other.block(), Metric::kL2, 1, nullptr), Code::kInvalidArgument,
               "dim");
  EXPECT_ERROR(exact_neighbors(rows.block(), rows.block(), Metric::kL2, 0, nullptr), Code::kInvalidArgument,
               "k is 0");
  EXPECT_FALSE(exact_neighbors(rows.block(), rows.block(), Metric::kHamming, 1, nullptr).ok());
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  EXPECT_ERROR(exact_neighbors(rows.block(), rows.block(), Metric::kL2, 1, nullptr, stop), Code::kCancelled,
               "");
}

TEST(Neighbors, WrittenOnesReadBack) {
  const TempDir dir;
  const Neighbors neighbors{{1, 2, -1, 4, 5, -1}, 3, 2};
  ASSERT_OK(write_neighbors(dir / "a.ivecs", neighbors));
  ASSERT_VALUE(read, read_neighbors(dir / "a.ivecs", {}));
  EXPECT_EQ(read.ids, neighbors.ids);
  EXPECT_ERROR(write_neighbors(dir / "a.txt", neighbors), Code::kInvalidArgument, ".ivecs");
}

TEST(Recall, TiesAreHitsAndRepeatsAreNot) {
  // Rows 0 and 1 are equal, 2 is farther, 3 farthest; the query is row 0.
  const float data[] = {0, 0, 1, 5};
  const VectorBlock base{reinterpret_cast<const std::byte*>(data), ScalarType::kF32, 1, 4};
  const VectorBlock query{base.data, ScalarType::kF32, 1, 1};
  const Neighbors truth{{0, 1, 2}, 3, 1};
  ASSERT_VALUE(one, RecallJudge::create(base, query, Metric::kL2, truth, 1));
  EXPECT_EQ(one.hits(0, std::vector<Row>{1}), 1u);  // as near as the true one
  EXPECT_EQ(one.hits(0, std::vector<Row>{2}), 0u);
  EXPECT_EQ(one.hits(0, std::vector<Row>{2, 0}), 0u);  // only the first k count
  ASSERT_VALUE(three, RecallJudge::create(base, query, Metric::kL2, truth, 3));
  EXPECT_EQ(three.hits(0, std::vector<Row>{0, 0, 0}), 1u);
  EXPECT_EQ(three.hits(0, std::vector<Row>{2, 0, 3}), 2u);
  EXPECT_EQ(three.hits(0, std::vector<Row>{0, 1, 99}), 2u);
  EXPECT_EQ(three.hits(0, {}), 0u);
  RecallCount count;
  count.add(three, 0, std::vector<Row>{0, 1, 3});
  EXPECT_NEAR(count.recall(), 2.0 / 3, 1e-12);
  const Neighbors short_truth{{0, -1, -1}, 3, 1};
  ASSERT_VALUE(few, RecallJudge::create(base, query, Metric::kL2, short_truth, 3));
  EXPECT_EQ(few.wanted(0), 1u);
  EXPECT_EQ(few.hits(0, std::vector<Row>{0, 1}), 1u);  // never more than wanted
}

TEST(Recall, BadTruthIsRefused) {
  const Vectors rows = normal_vectors(3, 4, 1);
  EXPECT_FALSE(RecallJudge::create(rows.block(), rows.block(), Metric::kL2, {{0, 1, 2}, 1, 3}, 2).ok());
  EXPECT_FALSE(RecallJudge::create(rows.block(), rows.block(), Metric::kL2, {{0, 1}, 1, 2}, 1).ok());
  EXPECT_FALSE(RecallJudge::create(rows.block(), rows.block(), Metric::kL2, {{0, 1, 9}, 1, 3}, 1).ok());
  EXPECT_FALSE(RecallJudge::create(rows.block(), rows.block(), Metric::kL2, {{0, 1, 2}, 1, 3}, 0).ok());
}

}  // namespace
}  // namespace kith::test
