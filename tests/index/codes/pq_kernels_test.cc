// Goal: the tables of every CPU level are the same bits as a plain loop makes, so that codebooks and codes do
// not depend on the machine; the least is the first of equals and never NaN. Method: every level this CPU
// runs, odd dimensions, tables of 16 and of 256 and of odd numbers of columns.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "index/codes/code_dispatch.h"
#include "index/codes/pq_adc.h"
#include "tests/index/distance/reference.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using test::Vectors;

TEST(PqKernels, PartialDistancesAreTheSameBitsOnEveryLevel) {
  for (const CpuLevel level : runnable_levels()) {
    const kernels::PqTable* loops = kernels::pq_table_at(level);
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
    const kernels::Least least = kernels::pq_table_at(level)->least;
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

TEST(PqKernels, SumsAlongCodesAreTheTablesEntries) {
  for (uint32_t subvectors = 1; subvectors <= 50; ++subvectors) {
    for (const bool wide : {true, false}) {
      const uint32_t entries = wide ? 256 : 16, bytes = wide ? subvectors : (subvectors + 1) / 2;
      const Vectors table = test::normal_vectors(subvectors, entries, test::test_seed(subvectors));
      std::vector<float> query(kPqTableOffset / 4 + table.data.size());  // of the exact size, as the codes:
      const PqQueryHeader header = {subvectors};                         // reading on would be seen by ASan
      std::memcpy(query.data(), &header, sizeof header);
      std::copy(table.data.begin(), table.data.end(), query.begin() + kPqTableOffset / 4);
      Random random(test::test_seed(subvectors));
      std::vector<uint8_t> codes(37 * bytes);
      for (uint8_t& byte : codes) byte = static_cast<uint8_t>(random.next());
      if (!wide && subvectors % 2 == 1)
        for (size_t at = bytes - 1; at < codes.size(); at += bytes) codes[at] &= 15;
      std::vector<const void*> rows;
      for (size_t at = 0; at < codes.size(); at += bytes) rows.push_back(codes.data() + at);
      std::vector<float> out(rows.size());
      (wide ? pq_distances_8 : pq_distances_4)(query.data(), rows.data(), rows.size(), 0, out.data());
      for (size_t i = 0; i < rows.size(); ++i) {
        double sum = 0;
        for (uint32_t s = 0; s < subvectors; ++s) {
          const uint8_t byte = codes[i * bytes + (wide ? s : s / 2)];
          sum += table.row(s)[wide ? byte : byte >> (s % 2 * 4) & 15];
        }
        ASSERT_NEAR(out[i], sum, 1e-4) << subvectors << " sub-vectors";
      }
    }
  }
}

TEST(PqKernels, AreThoseOfTheLevelInUse) {
  EXPECT_EQ(&kernels::pq_table(), kernels::pq_table_at(cpu_level()));
}

}  // namespace
}  // namespace kith
