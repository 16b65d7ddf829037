// Goal: the level is the best of the CPU unless KITH_CPU lowers it, a wrong KITH_CPU stops the process with a
// message that names the choices, and kernels exist for exactly the pairs that validate_metric accepts.
// Method: child processes with the variable set, because the level is chosen once per process.
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/index/distance/reference.h"

namespace kith {
namespace {

constexpr int kChose = 10;  // added to the level, so that no level looks like the exit code of a refusal

/// Exits with kChose and the level that a fresh process chooses under KITH_CPU=value.
[[noreturn]] void exit_with_level(const std::string& value) {
  setenv("KITH_CPU", value.c_str(), 1);
  const CpuLevel level = cpu_level();
  const bool kernel_is_of_level = distance_kernel(Metric::kL2, ScalarType::kF32) ==
                                  distance_kernel_at(level, Metric::kL2, ScalarType::kF32);
  std::exit(kernel_is_of_level ? kChose + static_cast<int>(level) : 99);
}

class CpuOverrideDeathTest : public testing::Test {
 protected:
  CpuOverrideDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(CpuOverrideDeathTest, LowersTheLevel) {
  for (const CpuLevel level : runnable_levels())
    EXPECT_EXIT(exit_with_level(std::string(cpu_level_name(level))),
                testing::ExitedWithCode(kChose + static_cast<int>(level)), "")
        << cpu_level_name(level);
}

TEST_F(CpuOverrideDeathTest, EmptyMeansTheBest) {
  int best = 0;
  for (const CpuLevel level : runnable_levels()) best = std::max(best, static_cast<int>(level));
  EXPECT_EXIT(exit_with_level(""), testing::ExitedWithCode(kChose + best), "");
}

TEST_F(CpuOverrideDeathTest, UnknownNameStopsTheProcess) {
  EXPECT_EXIT(exit_with_level("pentium"), testing::ExitedWithCode(2),
              "KITH_CPU is 'pentium'.*use one of:.* scalar");
  EXPECT_EXIT(exit_with_level("AVX2"), testing::ExitedWithCode(2), "KITH_CPU is 'AVX2'");
}

TEST_F(CpuOverrideDeathTest, LevelOfAnotherCpuStopsTheProcess) {
  const bool arm = distance_kernel_at(CpuLevel::kNeon, Metric::kL2, ScalarType::kF32) != nullptr;
  EXPECT_EXIT(exit_with_level(arm ? "avx512" : "neon"), testing::ExitedWithCode(2), "cannot run");
}

TEST(Dispatch, KernelsExistForValidPairsOnly) {
  for (const CpuLevel level : runnable_levels()) {
    for (size_t m = 0; m < kMetrics; ++m) {
      for (size_t t = 0; t < kScalarTypes; ++t) {
        const Pair pair = {static_cast<Metric>(m), static_cast<ScalarType>(t)};
        EXPECT_EQ(distance_kernel_at(level, pair.metric, pair.type) != nullptr,
                  validate_metric(pair.metric, pair.type).ok())
            << describe(level, pair, 0);
      }
    }
  }
}

TEST(Dispatch, ScalarIsAlwaysThereAndSomeLevelMissing) {
  EXPECT_NE(distance_kernel_at(CpuLevel::kScalar, Metric::kL2, ScalarType::kF32), nullptr);
  EXPECT_LT(runnable_levels().size(), 4u) << "no CPU has both AVX and NEON";
}

}  // namespace
}  // namespace kith
