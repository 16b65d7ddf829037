// Goal: seeded sets are the same everywhere and have the shape they promise. Method: equal seeds and thread
// counts, prefixes, and simple statistics with wide margins.
#include "datasets/synthetic.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/bytes.h"
#include "datasets/ground_truth.h"

namespace kith::test {
namespace {

float at(const Matrix& matrix, size_t row, uint32_t d) {
  return load_le<float>(matrix.data.data() + (row * matrix.dim + d) * sizeof(float));
}

double length(const Matrix& matrix, size_t row) {
  double sum = 0;
  for (uint32_t d = 0; d < matrix.dim; ++d) sum += std::pow(static_cast<double>(at(matrix, row, d)), 2);
  return std::sqrt(sum);
}

TEST(Clustered, DependsOnSeedAndRowOnly) {
  ClusteredSpec spec{.rows = 1000, .queries = 10, .dim = 20, .clusters = 5, .seed = 7};
  ThreadPool pool(3);
  const VectorSet set = make_clustered(spec);
  EXPECT_EQ(set.base.data, make_clustered(spec, &pool).base.data);
  EXPECT_EQ(set.queries.rows, 10u);
  spec.rows = 500;
  const VectorSet shorter = make_clustered(spec);
  EXPECT_TRUE(std::equal(shorter.base.data.begin(), shorter.base.data.end(), set.base.data.begin()));
  spec.seed = 8;
  EXPECT_NE(make_clustered(spec).base.data, shorter.base.data);
}

TEST(Clustered, RowsHaveNearNeighborsAndClusters) {
  const ClusteredSpec spec{
      .rows = 2000, .queries = 50, .dim = 64, .clusters = 10, .intrinsic_dim = 4, .spread = 0.3f};
  const VectorSet set = make_clustered(spec);
  double nearest = 0;
  double any = 0;
  for (size_t query = 0; query < 50; ++query) {
    double best = HUGE_VAL;
    for (size_t row = 0; row < 2000; ++row) {
      const double distance = std::sqrt(exact_distance(Metric::kL2, set.queries[query], set.base[row]));
      best = std::min(best, distance);
      any += distance / 2000;
    }
    nearest += best;
  }
  // In a ball of intrinsic dimension 64 the nearest of 2,000 would be almost as far as any other.
  EXPECT_LT(nearest, 0.25 * any);
}

TEST(Clustered, NormalisedRowsHaveLengthOne) {
  const VectorSet set = make_clustered({.rows = 100, .queries = 5, .dim = 30, .normalised = true});
  for (size_t row = 0; row < 100; ++row) EXPECT_NEAR(length(set.base, row), 1, 1e-5);
}

TEST(Clustered, TinyAndOddSizes) {
  for (const uint32_t dim : {1u, 2u, 13u}) {
    const VectorSet set =
        make_clustered({.rows = 3, .queries = 0, .dim = dim, .clusters = 0, .intrinsic_dim = 100});
    EXPECT_EQ(set.base.data.size(), 3 * dim * sizeof(float));
  }
}

TEST(Adversarial, HaveTheirNature) {
  const size_t rows = 1000;
  const Matrix duplicates = make_adversarial(Adversary::kDuplicates, rows, 8, 3);
  std::set<float> first;
  for (size_t row = 0; row < rows; ++row) first.insert(at(duplicates, row, 0));
  EXPECT_LE(first.size(), rows / 10);
  EXPECT_GT(first.size(), rows / 20);
  const Matrix equal = make_adversarial(Adversary::kAllEqual, rows, 8, 3);
  EXPECT_EQ(exact_distance(Metric::kL2, equal[0], equal[999]), 0);
  const Matrix outliers = make_adversarial(Adversary::kFarOutliers, rows, 8, 3);
  EXPECT_GT(at(outliers, 99, 0), 900);
  EXPECT_LT(at(outliers, 98, 0), 100);
  const Matrix line = make_adversarial(Adversary::kCollinear, rows, 8, 3);
  EXPECT_NEAR(std::abs(1 - exact_distance(Metric::kCosine, line[0], line[5])), 1, 1e-6);
  const Matrix lengths = make_adversarial(Adversary::kUnnormalised, rows, 8, 3);
  double least = HUGE_VAL;
  double most = 0;
  for (size_t row = 0; row < rows; ++row) {
    least = std::min(least, length(lengths, row));
    most = std::max(most, length(lengths, row));
  }
  EXPECT_GT(most / least, 1e6);
}

}  // namespace
}  // namespace kith::test
