// Goal: every level's RaBitQ kernel gives the scalar kernel's floats, bit for bit, at every width, dimension
// and count, and the scalar kernel gives what the layout's header says. Method: random rows and prepared
// queries, among them the extremes of every byte; a plain sum in 64 bits over unpacked codes as reference.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/aligned_buffer.h"
#include "index/codes/code_dispatch.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using kernels::RabitqFactors;
using kernels::RabitqQuery;

constexpr uint32_t kDims[] = {1, 64, 100, 128, 192, 200, 256, 832, 1000};

struct Case {
  uint32_t dim, bits;
  size_t rows;
  AlignedBuffer query, codes;
  std::vector<const void*> pointers;

  uint32_t padded() const { return (dim + 63) / 64 * 64; }
  size_t row_bytes() const { return sizeof(RabitqFactors) + size_t{padded()} * bits / 8; }
};

Case random_case(uint32_t dim, uint32_t bits, size_t rows, uint64_t seed) {
  Case c{dim, bits, rows, {}, {}, {}};
  Random random(seed);
  c.query = AlignedBuffer::allocate(sizeof(RabitqQuery) + c.padded()).value();
  const bool extreme = random.below(4) == 0;
  int32_t sum = 0;
  for (uint32_t i = 0; i < c.padded(); ++i) {
    const auto byte = static_cast<int8_t>(extreme ? 127 : static_cast<int>(random.below(255)) - 127);
    c.query.data()[sizeof(RabitqQuery) + i] = static_cast<std::byte>(byte);
    sum += byte;
  }
  const RabitqQuery header = {3.25f, 0.7f, -0.013f, sum * ((1 << bits) - 1), 0, 0, {}};
  std::memcpy(c.query.data(), &header, sizeof(header));
  c.codes = AlignedBuffer::allocate(rows * c.row_bytes()).value();
  for (size_t r = 0; r < rows; ++r) {
    std::byte* row = c.codes.data() + r * c.row_bytes();
    const RabitqFactors factors = {static_cast<float>(random.normal()), static_cast<float>(random.normal())};
    std::memcpy(row, &factors, sizeof(factors));
    for (size_t i = sizeof(factors); i < c.row_bytes(); ++i)
      row[i] = extreme && r % 2 == 0 ? std::byte{255} : static_cast<std::byte>(random.below(256));
    c.pointers.push_back(row);
  }
  if (random.below(2) == 0) std::swap(c.pointers.front(), c.pointers.back());
  return c;
}

std::vector<float> run(kernels::Kernel kernel, const Case& c) {
  std::vector<float> out(c.rows);
  kernel(c.query.data(), c.pointers.data(), c.rows, c.dim, out.data());
  return out;
}

TEST(RabitqKernels, ScalarFollowsTheLayout) {
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    for (const uint32_t dim : kDims) {
      const Case c = random_case(dim, bits, 3, test::test_seed(bits * 1000 + dim));
      RabitqQuery header;
      std::memcpy(&header, c.query.data(), sizeof(header));
      const auto* bytes = reinterpret_cast<const int8_t*>(c.query.data() + sizeof(header));
      const std::vector<float> out = run(kernels::rabitq_table_at(CpuLevel::kScalar)->estimate[bits], c);
      for (size_t r = 0; r < c.rows; ++r) {
        const auto* row = static_cast<const uint8_t*>(c.pointers[r]);
        RabitqFactors factors;
        std::memcpy(&factors, row, sizeof(factors));
        std::vector<uint8_t> codes(c.padded());
        kernels::unpack_codes(row + sizeof(factors), bits, c.padded(), codes.data());
        double value = 0;
        for (uint32_t i = 0; i < c.padded(); ++i) value += bytes[i] * (2.0 * codes[i] - ((1 << bits) - 1));
        const double expected =
            header.add + double{header.weight} * factors.add + double{header.factor} * factors.scale * value;
        ASSERT_NEAR(out[r], expected, 1e-5 * (4 + std::abs(header.factor * factors.scale * value)));
      }
    }
  }
}

TEST(RabitqKernels, EveryLevelEqualsScalar) {
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    for (const uint32_t dim : kDims) {
      for (const size_t rows : {1, 2, 3, 4, 7, 8, 13, 40}) {
        const Case c = random_case(dim, bits, rows, test::test_seed(bits * 100'000 + dim * 50 + rows));
        const std::vector<float> expected =
            run(kernels::rabitq_table_at(CpuLevel::kScalar)->estimate[bits], c);
        for (const CpuLevel level : {CpuLevel::kAvx2, CpuLevel::kAvx512}) {
          const kernels::RabitqTable* table = kernels::rabitq_table_at(level);
          if (table == nullptr) continue;
          ASSERT_EQ(run(table->estimate[bits], c), expected)
              << cpu_level_name(level) << ", " << bits << " bits, dim " << dim << ", rows " << rows;
        }
      }
    }
  }
}

TEST(RabitqKernels, PackedCodesComeBackAndStayWhereTheLayoutPutsThem) {
  for (uint32_t bits = 1; bits <= 8; ++bits) {
    for (const uint32_t dim : {64u, 128u, 192u, 832u}) {
      Random random(test::test_seed(bits));
      std::vector<uint8_t> codes(dim), packed(dim * bits / 8), back(dim);
      for (uint8_t& code : codes) code = static_cast<uint8_t>(random.below(uint64_t{1} << bits));
      kernels::pack_codes(codes.data(), bits, dim, packed.data());
      kernels::unpack_codes(packed.data(), bits, dim, back.data());
      ASSERT_EQ(back, codes) << bits << " bits, dim " << dim;
      if (bits == 1) {
        ASSERT_EQ((packed[3] >> 5) & 1, codes[29]);
      }
      if (bits == 4 && dim >= 128) {
        ASSERT_EQ(packed[10], codes[10] | codes[74] << 4);
      }
      if (bits == 4 && dim == 192) {
        ASSERT_EQ(packed[64 + 10], codes[128 + 10] | codes[128 + 42] << 4);
      }
      if (bits == 8) {
        ASSERT_EQ(packed, codes);
      }
    }
  }
}

TEST(RabitqKernels, WhatIsNotANumberSortsLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  for (const CpuLevel level : {CpuLevel::kScalar, CpuLevel::kAvx2, CpuLevel::kAvx512}) {
    const kernels::RabitqTable* table = kernels::rabitq_table_at(level);
    if (table == nullptr) continue;
    for (const size_t rows : {1, 4, 8}) {
      const Case c = random_case(128, 4, rows, 5);
      for (const void* row : c.pointers) std::memcpy(const_cast<void*>(row), &nan, sizeof(nan));
      for (const float distance : run(table->estimate[4], c)) EXPECT_EQ(distance, infinity);
    }
  }
}

}  // namespace
}  // namespace kith
