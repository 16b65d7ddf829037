// Goal: k-means finds clusters that are there, does not depend on anything but its input, and takes rows as
// they come: equal, few, not numbers. Method: planted clusters; FAISS's own assignment as the rival.
#include "index/kmeans.h"

#include <faiss/Clustering.h>
#include <faiss/IndexFlat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <thread>

#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

extern "C" void omp_set_num_threads(int);
extern "C" void openblas_set_num_threads(int);

namespace kith {
namespace {

using test::Vectors;

double mean_error(const std::vector<float>& centroids, const Vectors& rows) {
  double sum = 0;
  for (size_t i = 0; i < rows.rows; ++i) {
    double least = 1e30;
    for (size_t c = 0; c < centroids.size(); c += rows.dim) {
      double distance = 0;
      for (uint32_t d = 0; d < rows.dim; ++d)
        distance += (double{rows.row(i)[d]} - centroids[c + d]) * (double{rows.row(i)[d]} - centroids[c + d]);
      least = std::min(least, distance);
    }
    sum += least;
  }
  return sum / static_cast<double>(rows.rows);
}

TEST(KMeans, IsAsGoodAsFaissWithItsOwnAssignment) {
  for (const uint32_t centroids : {10u, 100u}) {
    const Vectors rows = test::clustered_vectors(3000, 9, 40, test::test_seed(3));
    const KMeansSpec spec = {rows.dim, centroids, 20, 77};
    ASSERT_VALUE(ours, train_kmeans(spec, rows.data.data(), rows.rows));
    ASSERT_EQ(ours.size(), size_t{centroids} * rows.dim);
    omp_set_num_threads(1);  // what OpenMP and OpenBLAS start is not seen by the sanitizers
    openblas_set_num_threads(1);
    faiss::Clustering theirs(9, static_cast<int>(centroids));
    theirs.niter = 20;
    theirs.seed = 77;
    theirs.min_points_per_centroid = 1;
    theirs.max_points_per_centroid = 3000;
    faiss::IndexFlatL2 flat(9);
    theirs.train(3000, rows.data.data(), flat);
    EXPECT_NEAR(mean_error(ours, rows), mean_error(theirs.centroids, rows), 0.01 * mean_error(ours, rows));
  }
}

TEST(KMeans, MoreRoundsAndAWarmStartAreNoWorse) {
  const Vectors rows = test::clustered_vectors(2000, 8, 30, test::test_seed(4));
  ASSERT_VALUE(short_run, train_kmeans({8, 20, 1, 5}, rows.data.data(), rows.rows));
  ASSERT_VALUE(long_run, train_kmeans({8, 20, 20, 5}, rows.data.data(), rows.rows));
  EXPECT_LT(mean_error(long_run, rows), 0.95 * mean_error(short_run, rows));
  ASSERT_VALUE(warm, train_kmeans({8, 20, 1, 99}, rows.data.data(), rows.rows, long_run));
  EXPECT_LE(mean_error(warm, rows), 1.0001 * mean_error(long_run, rows));
}

TEST(KMeans, TheSameInputGivesTheSameCentroids) {
  const Vectors rows = test::normal_vectors(1000, 5, test::test_seed(6));
  ASSERT_VALUE(first, train_kmeans({5, 37, 10, 1}, rows.data.data(), rows.rows));
  ASSERT_VALUE(second, train_kmeans({5, 37, 10, 1}, rows.data.data(), rows.rows));
  ASSERT_VALUE(other, train_kmeans({5, 37, 10, 2}, rows.data.data(), rows.rows));
  EXPECT_EQ(first, second);
  EXPECT_NE(first, other);
}

TEST(KMeans, ParallelTrainingsAreIndependent) {
  const Vectors rows = test::normal_vectors(600, 6, test::test_seed(9));
  const auto run = [&](uint64_t seed) {
    auto centroids = train_kmeans({6, 20, 8, seed}, rows.data.data(), rows.rows);
    EXPECT_TRUE(centroids.ok());
    return std::move(centroids).value();
  };
  std::vector<float> alone[3], beside[3];
  for (uint64_t i = 0; i < 3; ++i) alone[i] = run(i);
  std::vector<std::thread> threads;
  for (uint64_t i = 0; i < 3; ++i)
    threads.emplace_back([&, i] {
      for (int pass = 0; pass < 5; ++pass) beside[i] = run(i);
    });
  for (std::thread& thread : threads) thread.join();
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(alone[i], beside[i]) << "seed " << i;
}

TEST(KMeans, EqualRowsGiveThatRow) {
  const Vectors rows{std::vector<float>(200 * 3, 2.5f), 3, 200};
  ASSERT_VALUE(centroids, train_kmeans({3, 16, 10, 1}, rows.data.data(), rows.rows));
  EXPECT_LT(mean_error(centroids, rows), 1e-9);
  for (const float value : centroids) EXPECT_NEAR(value, 2.5f, 0.1f);
}

TEST(KMeans, AsManyRowsAsCentroidsAreTheCentroids) {
  const Vectors rows = test::normal_vectors(16, 4, test::test_seed(7));
  ASSERT_VALUE(centroids, train_kmeans({4, 16, 10, 1}, rows.data.data(), rows.rows));
  EXPECT_EQ(mean_error(centroids, rows), 0);
}

TEST(KMeans, RefusesTooFewRowsAndWhatIsNoNumber) {
  Vectors rows = test::normal_vectors(20, 4, test::test_seed(8));
  EXPECT_ERROR(train_kmeans({4, 21, 10, 1}, rows.data.data(), 20), Code::kInvalidArgument,
               "21 centroids need at least 21 rows, got 20");
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    rows.data[6 * 4 + 1] = bad;
    EXPECT_ERROR(train_kmeans({4, 2, 10, 1}, rows.data.data(), 20), Code::kInvalidArgument,
                 "element 1 of row 6");
  }
}

}  // namespace
}  // namespace kith
