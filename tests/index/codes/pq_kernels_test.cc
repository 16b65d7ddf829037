// Goal: the tables of every CPU level are the same bits as a plain loop makes, so that codebooks and codes do
// not depend on the machine; the least is the first of equals and never NaN. Method: every level this CPU
// runs, odd dimensions, tables of 16 and of 256 and of odd numbers of columns.
#include "index/codes/pq_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/index/distance/reference.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using test::Vectors;

TEST(PqKernels, PartialDistancesAreTheSameBitsOnEveryLevel) {
  for (const CpuLevel level : runnable_levels()) {
    const kernels::PqTable* loops = pq_kernels_at(level);
    ASSERT_NE(loops, nullptr);
    for (const uint32_t dims : {1u, 2u, 7u, 8u, 33u}) {
      for (const uint32_t columns : {16u, 48u, 64u, 112u, 256u}) {
        const Vectors values = test::normal_vectors(dims, columns, test::test_seed(5));
        const Vectors x = test::normal_vectors(1, dims, test::test_seed(6));
        std::vector<float> l2(columns + 1, 0.5f), ip(columns + 1, 0.5f);
        loops->l2(x.row(0), values.row(0), dims, columns, l2.data());
        loops->ip(x.row(0), values.row(0), dims, columns, ip.data());
        for (uint32_t j = 0; j < columns; ++j) {
          volatile float expected_l2 = 0.5f, expected_ip = 0.5f;  // each step rounded, nothing fused
          for (uint32_t d = 0; d < dims; ++d) {
            volatile float difference = x.row(0)[d] - values.row(d)[j];
            volatile float square = difference * difference, product = x.row(0)[d] * values.row(d)[j];
            expected_l2 = expected_l2 + square;
            expected_ip = expected_ip - product;
          }
          ASSERT_EQ(l2[j], expected_l2) << cpu_level_name(level) << " dims " << dims << " column " << j;
          ASSERT_EQ(ip[j], expected_ip) << cpu_level_name(level) << " dims " << dims << " column " << j;
        }
        EXPECT_EQ(l2[columns], 0.5f);
        EXPECT_EQ(ip[columns], 0.5f);
      }
    }
  }
}

TEST(PqKernels, LeastIsTheFirstOfEqualsAndNeverNaN) {
  constexpr float kNaN = std::numeric_limits<float>::quiet_NaN(),
                  kInf = std::numeric_limits<float>::infinity();
  for (const CpuLevel level : runnable_levels()) {
    const kernels::Least least = pq_kernels_at(level)->least;
    for (const uint32_t count : {1u, 5u, 16u, 17u, 47u, 256u}) {
      for (uint32_t at = 0; at < count; ++at) {
        std::vector<float> sums(count, 3.0f);
        sums[at] = sums[count - 1] = -1.0f;
        EXPECT_EQ(least(sums.data(), count), at) << cpu_level_name(level) << " of " << count;
        sums.assign(count, kNaN);
        sums[at] = kInf;
        EXPECT_LT(least(sums.data(), count), count);
        sums[at] = 7.0f;
        EXPECT_EQ(least(sums.data(), count), at)
            << cpu_level_name(level) << " of " << count << ", NaN around";
      }
    }
  }
}

TEST(PqKernels, AreThoseOfTheLevelInUse) {
  EXPECT_EQ(&pq_kernels(), pq_kernels_at(cpu_level()));
}

}  // namespace
}  // namespace kith
