// Goal: what distance.h promises at the edges holds on every level: NaN gives +infinity, a zero vector has
// cosine distance exactly 1, nothing else ever gives NaN, and tiny or huge vectors keep their angle. Method:
// one special element at every position of a vector, in query and row, for all float types; fixed small
// cases.
#include <gtest/gtest.h>

#include "tests/index/distance/reference.h"

namespace kith {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr Metric kVectorMetrics[] = {Metric::kL2, Metric::kInnerProduct, Metric::kCosine};
constexpr ScalarType kFloatTypes[] = {ScalarType::kF32, ScalarType::kF16, ScalarType::kBF16};
constexpr size_t kRows = 15;  // groups of 8, 4, 2 and 1

std::vector<std::byte> stored(const std::vector<float>& values, ScalarType type) {
  std::vector<std::byte> bytes(vector_bytes(type, static_cast<uint32_t>(values.size())));
  from_f32(values.data(), values.size(), type, bytes.data()).value();
  return bytes;
}

/// The distances of kRows copies of one row.
std::vector<float> distances(CpuLevel level, Pair pair, const std::vector<float>& query,
                             const std::vector<float>& row) {
  const std::vector<std::byte> q = stored(query, query_type(pair.type)), r = stored(row, pair.type);
  const std::vector<const void*> rows(kRows, r.data());
  std::vector<float> out(kRows);
  distance_kernel_at(level, pair.metric, pair.type)(q.data(), rows.data(), kRows,
                                                    static_cast<uint32_t>(row.size()), out.data());
  return out;
}

template <typename Check>
void for_each_float_kernel(Check check) {
  for (const CpuLevel level : runnable_levels())
    for (const Metric metric : kVectorMetrics)
      for (const ScalarType type : kFloatTypes) {
        SCOPED_TRACE(describe(level, {metric, type}, 0));
        check(level, Pair{metric, type});
      }
}

TEST(SpecialValues, NanAnywhereGivesInfinity) {
  for_each_float_kernel([](CpuLevel level, Pair pair) {
    for (const uint32_t dim : {1u, 7u, 16u, 33u, 70u}) {
      for (uint32_t at = 0; at < dim; ++at) {
        std::vector<float> plain(dim, 0.5f), with_nan(dim, 0.5f);
        with_nan[at] = kNan;
        for (const float d : distances(level, pair, with_nan, plain))
          ASSERT_EQ(d, kInfinity) << "in query at " << at;
        for (const float d : distances(level, pair, plain, with_nan))
          ASSERT_EQ(d, kInfinity) << "in row at " << at;
        const std::vector<float> zero(dim, 0.0f);
        for (const float d : distances(level, pair, zero, with_nan))
          ASSERT_EQ(d, kInfinity) << "zero query, " << at;
      }
    }
  });
}

TEST(SpecialValues, InfinitiesNeverGiveNan) {
  for_each_float_kernel([](CpuLevel level, Pair pair) {
    for (const uint32_t dim : {1u, 5u, 40u}) {
      for (const float query_value : {kInfinity, -kInfinity, 0.0f, 1.0f}) {
        for (const float row_value : {kInfinity, -kInfinity, 0.0f, 1.0f}) {
          std::vector<float> query(dim, 0.25f), row(dim, 0.25f);
          query[dim / 2] = query_value;
          row[dim / 2] = row_value;
          for (const float d : distances(level, pair, query, row)) ASSERT_FALSE(std::isnan(d));
        }
      }
    }
  });
}

TEST(SpecialValues, InfiniteMinusInfiniteIsInfinitelyFar) {
  for (const CpuLevel level : runnable_levels()) {
    for (const ScalarType type : kFloatTypes) {
      const std::vector<float> infinite(20, kInfinity);
      for (const float d : distances(level, {Metric::kL2, type}, infinite, infinite)) EXPECT_EQ(d, kInfinity);
    }
  }
}

TEST(SpecialValues, ZeroVectorHasCosineDistanceOne) {
  for (const CpuLevel level : runnable_levels()) {
    for (const ScalarType type :
         {ScalarType::kF32, ScalarType::kF16, ScalarType::kBF16, ScalarType::kI8, ScalarType::kU8}) {
      for (uint32_t dim = 1; dim <= 130; ++dim) {
        SCOPED_TRACE(describe(level, {Metric::kCosine, type}, dim));
        const std::vector<float> zero(dim, 0.0f), other(dim, 3.0f);
        for (const float d : distances(level, {Metric::kCosine, type}, zero, other)) ASSERT_EQ(d, 1.0f);
        for (const float d : distances(level, {Metric::kCosine, type}, other, zero)) ASSERT_EQ(d, 1.0f);
        for (const float d : distances(level, {Metric::kCosine, type}, zero, zero)) ASSERT_EQ(d, 1.0f);
      }
    }
  }
}

// Squares of these leave the range of float; the angle does not.
TEST(SpecialValues, CosineOfTinyAndHugeVectors) {
  for (const CpuLevel level : runnable_levels()) {
    for (const ScalarType type : {ScalarType::kF32, ScalarType::kBF16}) {
      for (const float query_scale : {1e-42f, 1e-38f, 1e-25f, 1.0f, 1e25f, 1e37f}) {
        for (const float row_scale : {1e-36f, 1e-25f, 1.0f, 1e25f, 1e37f}) {
          SCOPED_TRACE(describe(level, {Metric::kCosine, type}, 2) + " scales " +
                       std::to_string(query_scale) + ", " + std::to_string(row_scale));
          const std::vector<float> query = {query_scale, 0}, row = {row_scale, row_scale};
          for (const float d : distances(level, {Metric::kCosine, type}, query, row))
            ASSERT_NEAR(d, 1 - std::sqrt(0.5), 1e-6);
        }
      }
    }
  }
}

TEST(SpecialValues, DenormalElements) {
  const float least = std::numeric_limits<float>::denorm_min();
  for_each_float_kernel([least](CpuLevel level, Pair pair) {
    if (pair.metric == Metric::kCosine) return;  // see CosineOfTinyAndHugeVectors
    for (const uint32_t dim : {3u, 16u, 130u}) {
      const std::vector<float> query(dim, 1e-40f), row(dim, least * 7);
      for (const float d : distances(level, pair, query, row)) ASSERT_NEAR(d, 0, 1e-37);
    }
  });
}

// f16 has denormals of its own, well inside the range of float: they count.
TEST(SpecialValues, DenormalsOfF16KeepTheirValue) {
  for (const CpuLevel level : runnable_levels()) {
    const std::vector<float> query(37, 1.0f), row(37, 0x1p-24f);
    for (const float d : distances(level, {Metric::kInnerProduct, ScalarType::kF16}, query, row))
      ASSERT_EQ(d, -37 * 0x1p-24f) << cpu_level_name(level);
  }
}

TEST(SpecialValues, OverflowIsInfinite) {
  for (const CpuLevel level : runnable_levels()) {
    const std::vector<float> query(9, 3e38f), row(9, -3e38f);
    for (const float d : distances(level, {Metric::kL2, ScalarType::kF32}, query, row))
      ASSERT_EQ(d, kInfinity);
    for (const float d : distances(level, {Metric::kInnerProduct, ScalarType::kF32}, query, row))
      ASSERT_EQ(d, kInfinity);
  }
}

}  // namespace
}  // namespace kith
