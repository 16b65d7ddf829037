// Goal: percentiles are nearest-rank. Method: known lists.
#include "bench/harness/percentile.h"

#include <gtest/gtest.h>

namespace kith::bench {
namespace {

TEST(Percentile, IsNearestRank) {
  const std::vector<double> values{5, 1, 4, 2, 3};
  EXPECT_EQ(percentile(values, 0.50), 3);
  EXPECT_EQ(percentile(values, 0.41), 3);
  EXPECT_EQ(percentile(values, 0.40), 2);
  EXPECT_EQ(percentile(values, 0.99), 5);
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 1), 5);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

}  // namespace
}  // namespace kith::bench
