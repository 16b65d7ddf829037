// Goal: every level's kernels of the scalar quantisers give the scalar kernel's floats, bit for bit, at every
// dimension and count, and the scalar kernel gives the distance that decoded rows have. Method: encoded
// random vectors, among them outliers that use every code and query byte; exact distances in double.
#include <gtest/gtest.h>

#include <cmath>

#include "index/codes/code_dispatch.h"
#include "tests/index/codes/code_support.h"

namespace kith {
namespace {

using test::Coded;
using test::Vectors;

constexpr const char* kNames[] = {"sq8", "sq4", "lvq4x8"};

kernels::Kernel kernel_of(const kernels::SqTable& table, const std::string& name) {
  return name == "sq8" ? table.sq8 : name == "sq4" ? table.sq4 : table.lvq4x8;
}

TEST(SqKernels, EveryLevelEqualsScalar) {
  for (const char* name : kNames) {
    for (const uint32_t dim : {1u, 2u, 15u, 31u, 64u, 65u, 100u, 127u, 128u, 129u, 191u, 256u, 300u, 784u}) {
      for (const size_t rows : {1, 2, 3, 5, 8, 15, 64, 67, 150}) {
        const Vectors vectors = test::normal_vectors(rows, dim, test::test_seed(dim * 1000 + rows));
        const auto code =
            test::trained({name, rows % 2 == 0 ? Metric::kL2 : Metric::kInnerProduct, dim}, vectors);
        Coded coded(*code, vectors);
        coded.prepare(vectors.row(rows / 2));
        const std::vector<float> expected =
            coded.estimates(kernel_of(*kernels::sq_table_at(CpuLevel::kScalar), name));
        for (const CpuLevel level : {CpuLevel::kAvx2, CpuLevel::kAvx512}) {
          const kernels::SqTable* table = kernels::sq_table_at(level);
          if (table == nullptr) continue;
          ASSERT_EQ(coded.estimates(kernel_of(*table, name)), expected)
              << name << " " << cpu_level_name(level) << ", dim " << dim << ", rows " << rows;
        }
      }
    }
  }
}

/// Codes and query bytes at the ends of their ranges together: where sums of 16 bits would overflow.
TEST(SqKernels, ExtremesDoNotOverflow) {
  for (const char* name : kNames) {
    Vectors vectors{std::vector<float>(300 * 8), 300, 8};
    for (size_t i = 0; i < vectors.data.size(); ++i) vectors.data[i] = i % 300 < 150 ? 1.0f : -1.0f;
    for (float& x : vectors.data) x *= 1000;
    const auto code = test::trained({name, Metric::kInnerProduct, 300}, test::normal_vectors(2, 300, 1));
    Coded coded(*code, vectors);
    coded.prepare(vectors.row(0));
    for (const CpuLevel level : {CpuLevel::kScalar, CpuLevel::kAvx2, CpuLevel::kAvx512}) {
      const kernels::SqTable* table = kernels::sq_table_at(level);
      if (table == nullptr) continue;
      for (const float distance : coded.estimates(kernel_of(*table, name)))
        EXPECT_NEAR(distance / 3e8, -1, 0.005);
    }
  }
}

TEST(SqKernels, EstimatesAreDistancesToDecodedVectors) {
  for (const char* name : kNames) {
    for (const Metric metric : {Metric::kL2, Metric::kInnerProduct}) {
      for (const uint32_t dim : {1u, 7u, 64u, 100u, 129u, 784u}) {
        Vectors vectors = test::normal_vectors(50, dim, test::test_seed(dim));
        for (float& x : vectors.data) x += 1;
        const auto code = test::trained({name, metric, dim}, vectors);
        Coded coded(*code, vectors);
        std::vector<float> decoded(dim), query = vectors.data;
        for (size_t q = 0; q < 5; ++q) {
          coded.prepare(vectors.row(q));
          const std::vector<float> estimates = coded.estimates();
          for (size_t r = 0; r < vectors.rows; ++r) {
            code->decode(coded.row(r), decoded.data());
            const double expected = test::exact_distance(metric, vectors.row(q), decoded.data(), dim);
            ASSERT_NEAR(estimates[r], expected, 3e-3 * std::sqrt(dim))
                << name << " " << metric_name(metric) << " " << dim;
          }
          coded.prepare_stored(q);
          const std::vector<float> stored = coded.estimates();
          code->decode(coded.row(q), query.data());
          for (size_t r = 0; r < vectors.rows; ++r) {
            code->decode(coded.row(r), decoded.data());
            const double expected = test::exact_distance(metric, query.data(), decoded.data(), dim);
            ASSERT_NEAR(stored[r], expected, 1e-2 * std::sqrt(dim))
                << name << " " << metric_name(metric) << " " << dim;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace kith
