// Goal: normalize gives length 1 for every vector that has a length, however small or large, and leaves
// others alone. Method: lengths in double, dimensions around the unrolling, extreme scales.
#include "index/distance/normalize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace kith {
namespace {

TEST(Normalize, LengthIsOneAndDirectionKept) {
  const uint64_t seed = 5;
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (const float scale : {1e-42f, 1e-30f, 1.0f, 1e30f, 1e38f}) {
    for (const size_t dim : {1u, 2u, 7u, 8u, 9u, 100u, 784u, 65535u}) {
      std::vector<float> vector(dim);
      for (float& value : vector) value = std::clamp(normal(random), -3.0f, 3.0f) * scale;
      vector[0] = scale;
      const std::vector<float> before = vector;
      ASSERT_TRUE(normalize(vector.data(), dim));
      double length = 0, dot = 0, before_length = 0;
      for (size_t i = 0; i < dim; ++i) {
        length += double{vector[i]} * vector[i];
        dot += double{vector[i]} * before[i];
        before_length += double{before[i]} * before[i];
      }
      EXPECT_NEAR(length, 1, 1e-6) << "scale " << scale << ", dim " << dim << ", seed " << seed;
      EXPECT_NEAR(dot / std::sqrt(before_length), 1, 1e-6)
          << "scale " << scale << ", dim " << dim << ", seed " << seed;
    }
  }
}

TEST(Normalize, RefusesZeroNanAndInfinity) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const float value : {0.0f, -0.0f, nan, infinity, -infinity}) {
    std::vector<float> vector(11, value == 0 ? 0.0f : 2.0f);
    vector[9] = value;
    const std::vector<float> before = vector;
    EXPECT_FALSE(normalize(vector.data(), vector.size())) << value;
    for (const size_t i : {0u, 5u, 8u, 10u}) EXPECT_EQ(vector[i], before[i]) << value << " at " << i;
  }
  EXPECT_FALSE(normalize(nullptr, 0));
}

}  // namespace
}  // namespace kith
