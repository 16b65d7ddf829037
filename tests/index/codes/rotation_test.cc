// Goal: Rotation is orthogonal, decided by its seed, undone by its inverse, mixes every dimension, and is the
// same at every CPU level. Method: apply it to unit vectors and normal ones in dimensions that are and are
// not powers of two.
#include "index/codes/rotation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "index/codes/code_dispatch.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

constexpr uint32_t kDims[] = {1, 64, 100, 128, 192, 784, 832, 960, 1024};

std::vector<float> unit(const Rotation& rotation, uint32_t at) {
  std::vector<float> x(rotation.padded());
  x[at] = 1;
  rotation.apply(x.data());
  return x;
}

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
  return sum;
}

TEST(Rotation, IsOrthogonal) {
  for (const uint32_t dim : kDims) {
    const Rotation rotation(dim, 7);
    ASSERT_EQ(rotation.padded() % 64, 0u);
    ASSERT_LT(rotation.padded() - dim, 64u);
    std::vector<std::vector<float>> columns;
    for (uint32_t i = 0; i < rotation.padded(); i += 1 + rotation.padded() / 150)
      columns.push_back(unit(rotation, i));
    double worst = 0;
    for (size_t a = 0; a < columns.size(); ++a)
      for (size_t b = 0; b <= a; ++b)
        worst = std::max(worst, std::abs(dot(columns[a], columns[b]) - (a == b ? 1 : 0)));
    EXPECT_LT(worst, 1e-5) << "dim " << dim;
  }
}

TEST(Rotation, InverseUndoesIt) {
  for (const uint32_t dim : kDims) {
    const Rotation rotation(dim, 8);
    const test::Vectors vectors = test::normal_vectors(1, rotation.padded(), test::test_seed(1));
    std::vector<float> x = vectors.data;
    rotation.apply(x.data());
    rotation.apply_inverse(x.data());
    for (uint32_t i = 0; i < rotation.padded(); ++i)
      ASSERT_NEAR(x[i], vectors.data[i], 1e-5) << dim << " at " << i;
  }
}

TEST(Rotation, SeedDecides) {
  const Rotation one(784, 1), again(784, 1), other(784, 2);
  EXPECT_EQ(unit(one, 3), unit(again, 3));
  const double agreement = dot(unit(one, 3), unit(other, 3));
  EXPECT_LT(std::abs(agreement), 0.2);
}

// A single dimension must not keep a large part of itself anywhere: with fewer rounds, or without the
// butterflies, dimensions outside the power-of-two block would.
TEST(Rotation, SpreadsEveryDimension) {
  for (const uint32_t dim : {128u, 192u, 832u, 960u, 1024u}) {
    const Rotation rotation(dim, 9);
    for (uint32_t i = 0; i < dim; i += 7) {
      const std::vector<float> column = unit(rotation, i);
      double first_half = 0, fourth = 0;
      for (uint32_t d = 0; d < dim; ++d) {
        const double square = double{column[d]} * column[d];
        if (d < dim / 2) first_half += square;
        fourth += square * square;
      }
      EXPECT_NEAR(first_half, 0.5, 0.25) << dim << " at " << i;
      EXPECT_LT(fourth * dim, 6) << dim << " at " << i;  // 3 for normal elements, dim for a single one
    }
  }
}

TEST(Rotation, IsTheSameAtEveryLevel) {
  for (const uint32_t dim : kDims) {
    const uint32_t padded = (dim + 63) / 64 * 64;
    const test::Vectors x = test::normal_vectors(1, padded, test::test_seed(3));
    const test::Vectors factors = test::normal_vectors(kernels::kRotationRounds, padded, test::test_seed(4));
    std::vector<float> expected = x.data, back = x.data;
    kernels::rabitq_table_at(CpuLevel::kScalar)->rotate(factors.data.data(), padded, expected.data());
    kernels::rabitq_table_at(CpuLevel::kScalar)->unrotate(factors.data.data(), padded, back.data());
    for (const CpuLevel level : {CpuLevel::kAvx2, CpuLevel::kAvx512}) {
      const kernels::RabitqTable* table = kernels::rabitq_table_at(level);
      if (table == nullptr) continue;
      std::vector<float> y = x.data, z = x.data;
      table->rotate(factors.data.data(), padded, y.data());
      table->unrotate(factors.data.data(), padded, z.data());
      EXPECT_EQ(y, expected) << cpu_level_name(level) << " " << dim;
      EXPECT_EQ(z, back) << cpu_level_name(level) << " " << dim;
    }
  }
}

}  // namespace
}  // namespace kith
