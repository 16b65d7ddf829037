// Goal: every level's FastScan makes the same bits as one byte after another, for every tail of a block, up
// to the largest sum that 16 bits hold, and finds exactly the codes at or below a limit. Method: random
// tables and codes of all 256 byte values; guards behind the outputs.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "index/codes/code_dispatch.h"
#include "tests/index/distance/reference.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

struct Codes {
  std::vector<uint8_t> tables, blocks;
  kernels::FastScanWork work;

  /// Tables for whole 64 bytes, aligned; entries below `entry_end`.
  Codes(uint32_t code_bytes, size_t count, uint32_t entry_end, uint64_t seed)
      : tables((code_bytes * 32 + 63) / 64 * 64 + 64), blocks((count + 31) / 32 * 32 * code_bytes) {
    Random random(seed);
    uint8_t* first = tables.data();
    while (reinterpret_cast<uintptr_t>(first) % 64 != 0) ++first;
    for (uint32_t i = 0; i < code_bytes * 32; ++i) first[i] = static_cast<uint8_t>(random.below(entry_end));
    for (uint8_t& byte : blocks) byte = static_cast<uint8_t>(random.next());
    work = {first, blocks.data(), code_bytes, -3.25f, 0.37f, count};
  }

  uint32_t sum(size_t i) const {
    uint32_t total = 0;
    for (uint32_t b = 0; b < work.code_bytes; ++b) {
      const uint8_t byte = blocks[(i / 32 * work.code_bytes + b) * 32 + i % 32];
      total += work.tables[b * 32 + (byte & 15)] + work.tables[b * 32 + 16 + (byte >> 4)];
    }
    return total;
  }
};

void expect_all(const kernels::FastScanTable& loops, const Codes& codes, const std::string& what) {
  const size_t count = codes.work.count;
  std::vector<float> out(count + 2, -77.0f);
  loops.all(codes.work, out.data());
  EXPECT_EQ(out[count], -77.0f) << what;
  for (size_t i = 0; i < count; ++i) {
    volatile float product = 0.37f * static_cast<float>(codes.sum(i));
    ASSERT_EQ(out[i], -3.25f + product) << what << ", code " << i;
  }
}

void expect_below(const kernels::FastScanTable& loops, const Codes& codes, uint16_t limit,
                  const std::string& what) {
  const size_t count = codes.work.count;
  std::vector<uint32_t> positions(count + 1, 12345), expected;
  std::vector<float> estimates(count + 1, -77.0f), all(count);
  loops.all(codes.work, all.data());
  for (size_t i = 0; i < count; ++i)
    if (codes.sum(i) <= limit) expected.push_back(static_cast<uint32_t>(i));
  const size_t found = loops.below(codes.work, limit, positions.data(), estimates.data());
  ASSERT_EQ(found, expected.size()) << what << ", limit " << limit;
  EXPECT_EQ(positions[found], 12345u) << what;
  for (size_t i = 0; i < found; ++i) {
    ASSERT_EQ(positions[i], expected[i]) << what;
    ASSERT_EQ(estimates[i], all[expected[i]]) << what;
  }
}

TEST(FastScanKernels, EveryLevelAndTailIsTheSumOfTheTables) {
  for (const CpuLevel level : runnable_levels()) {
    const kernels::FastScanTable* loops = kernels::fastscan_table_at(level);
    ASSERT_NE(loops, nullptr);
    for (const uint32_t code_bytes : {1u, 2u, 5u, 16u, 33u}) {
      for (const size_t blocks : {size_t{0}, size_t{1}, size_t{3}, size_t{8}}) {
        for (size_t tail = blocks == 0 ? 1 : 0; tail < 64; ++tail) {
          const Codes codes(code_bytes, blocks * 32 + tail, 256, test::test_seed(tail));
          const std::string what =
              fmt::format("{}, {} bytes, {} codes", cpu_level_name(level), code_bytes, codes.work.count);
          expect_all(*loops, codes, what);
          const auto middle = static_cast<uint16_t>(codes.sum(codes.work.count / 2));
          for (const uint16_t limit : {uint16_t{0}, middle, uint16_t{65535}})
            expect_below(*loops, codes, limit, what);
        }
      }
    }
  }
}

TEST(FastScanKernels, TheLargestSumFits) {
  for (const CpuLevel level : runnable_levels()) {
    Codes codes(129, 70, 256, test::test_seed(1));
    auto* tables = const_cast<uint8_t*>(codes.work.tables);
    std::fill_n(tables, 257 * 16, 255);  // 257 * 255 = 65,535
    std::fill_n(tables + 257 * 16, 16, 0);
    ASSERT_EQ(codes.sum(69), 65'535u);
    expect_all(*kernels::fastscan_table_at(level), codes, std::string(cpu_level_name(level)));
    for (const uint16_t limit : {65'534, 65'535})
      expect_below(*kernels::fastscan_table_at(level), codes, limit, std::string(cpu_level_name(level)));
  }
}

}  // namespace
}  // namespace kith
