// Goal: our ground truth equals the one that comes with the real sets. Method: exact search of a sample of
// queries in the sets of KITH_DATASETS (skipped without), compared by distance, since equal rows may be
// listed in any order.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "datasets/catalog.h"
#include "datasets/ground_truth.h"
#include "datasets/recall.h"
#include "tests/support/result_matchers.h"

namespace kith::test {
namespace {

void compare(const std::string& name, size_t queries_max, std::optional<Metric> truth_metric = {}) {
  const char* directory = std::getenv("KITH_DATASETS");
  if (directory == nullptr) GTEST_SKIP() << "KITH_DATASETS is not set";
  ASSERT_VALUE(dataset, resolve(name));
  ASSERT_FALSE(dataset.synthetic);
  ASSERT_VALUE(base, read_matrix(dataset.base.path, dataset.base.options));
  ASSERT_VALUE(queries, read_matrix(dataset.queries.path, dataset.queries.options));
  ASSERT_VALUE(truth, read_neighbors(dataset.groundtruth.path, dataset.groundtruth.options));
  ASSERT_EQ(truth.rows, queries.rows);
  const VectorBlock sample{queries.data.data(), queries.type, queries.dim,
                           std::min(queries_max, queries.rows)};
  const Metric metric = truth_metric.value_or(dataset.metric);
  ThreadPool pool(2);
  const uint32_t k = std::min<uint32_t>(truth.k, 100);
  ASSERT_VALUE(ours, exact_neighbors(base.block(), sample, metric, k, &pool));
  size_t other_ids = 0;
  for (size_t query = 0; query < sample.count; ++query) {
    for (uint32_t i = 0; i < k; ++i) {
      const double wanted = exact_distance(metric, sample[query], base[static_cast<size_t>(truth[query][i])]);
      const double found = exact_distance(metric, sample[query], base[static_cast<size_t>(ours[query][i])]);
      ASSERT_NEAR(found, wanted, 1e-9 * (1 + std::abs(wanted)))
          << name << " query " << query << " rank " << i;
      other_ids += truth[query][i] != ours[query][i] ? 1 : 0;
    }
  }
  testing::Test::RecordProperty("ranks_with_another_row_at_the_same_distance", static_cast<int>(other_ids));
  // L2 on integers is exact in double, so there even the ids must agree.
  EXPECT_TRUE(base.type != ScalarType::kU8 || other_ids == 0) << other_ids;
}

TEST(RealSets, FashionMnist) {
  compare("fashion-mnist", 200);
}
TEST(RealSets, Sift) {
  compare("sift-imagenet", 50);
}
TEST(RealSets, Debian) {
  compare("debian", 200);
}
TEST(RealSets, Cranfield) {
  compare("cranfield", 225);
}
// Its makers ranked by inner product of rows whose lengths are 1 but for rounding: by the cosine, which
// divides by those lengths, one of its 9,700 ranks is out of order by 2e-8.
TEST(RealSets, Fiori) {
  compare("fiori", 97, Metric::kInnerProduct);
}

}  // namespace
}  // namespace kith::test
