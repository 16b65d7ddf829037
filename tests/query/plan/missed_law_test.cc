// Goal: what few queries cannot tell of a curve's end is said by the rest of it, and nothing is promised that
// nobody saw. Method: simulated walks whose misses follow a known law, most of them by queries that miss all;
// what a hundred and fifty queries show, corrected or not, beside the truth.
#include "query/plan/missed_law.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "query/plan/calibration.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

/// The mean of queries that miss all with probability `missed`.
double seen(Random& random, double missed, size_t queries) {
  size_t count = 0;
  for (size_t i = 0; i < queries; ++i) count += random.uniform() < missed;
  return static_cast<double>(count) / static_cast<double>(queries);
}

TEST(MissedLaw, FindsTheLawOfACurve) {
  MissedLaw::Sample sums;
  for (double effort = 0; effort < 4; effort += 0.3) sums.add(effort, 0.4 * std::exp(-0.8 * effort), 1000);
  const auto law = sums.law();
  ASSERT_TRUE(law.has_value());
  EXPECT_NEAR(law->slope(), -0.8, 1e-9);
  EXPECT_NEAR(law->missed(3), 0.4 * std::exp(-2.4), 1e-9);
}

TEST(MissedLaw, SaysNothingWhereEffortBuysNothing) {
  MissedLaw::Sample flat, few;
  for (double effort = 0; effort < 4; effort += 0.3) flat.add(effort, 0.2, 1000);
  EXPECT_FALSE(flat.law().has_value());
  few.add(0, 0.5, 1000);
  few.add(1, 0.2, 1000);
  few.add(2, 0.0001, 1000);  // a tenth of an answer
  EXPECT_FALSE(few.law().has_value());
}

TEST(MissedLaw, CorrectsWhatFewQueriesDoNotShow) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  constexpr size_t kQueries = 150;
  double seen_error = 0, corrected_error = 0;
  size_t with_law = 0, fooled = 0, fooled_still = 0;
  for (int round = 0; round < 400; ++round) {
    MissedLaw::Sample sums;
    double last_seen = 0, last_true = 0, last_effort = 0;
    for (double effort = 0; effort < 5; effort += 0.3) {
      last_effort = effort;
      last_true = 0.4 * std::exp(-0.8 * effort);
      last_seen = seen(random, last_true, kQueries);
      sums.add(effort, last_seen, kQueries);
    }
    const auto law = sums.law();
    if (!law.has_value()) continue;  // by chance it looks flat
    ++with_law;
    const double corrected = law->corrected(last_effort, last_seen, kQueries);
    EXPECT_GE(corrected, last_seen);
    seen_error += std::abs(last_seen - last_true);
    corrected_error += std::abs(corrected - last_true);
    fooled += last_seen < last_true / 3;
    fooled_still += corrected < last_true / 3;
  }
  EXPECT_GT(with_law, 350u);
  EXPECT_GT(fooled, 40u) << "the simulation is too easy";
  EXPECT_LT(fooled_still, fooled / 4);
  EXPECT_LT(corrected_error, 0.8 * seen_error);
}

TEST(MissedLaw, ManyQueriesAreBelieved) {
  MissedLaw::Sample sums;
  for (double effort = 0; effort < 3; effort += 0.3) sums.add(effort, 0.4 * std::exp(-0.8 * effort), 100'000);
  const auto law = sums.law();
  ASSERT_TRUE(law.has_value());
  EXPECT_NEAR(law->corrected(4, 0.001, 100'000), 0.001, 1e-4);
}

/// A table promises beyond what was measured only by more effort.
TEST(MissedLaw, DrawsCurvesOn) {
  Calibration calibration;
  calibration.rows = 100'000;
  for (uint32_t effort = 10; effort <= 640; effort *= 2) {
    CalibrationPoint point;
    point.k = 10;
    point.effort = effort;
    point.queries = 150;
    point.recall = static_cast<float>(1 - 0.2 * std::pow(effort / 10.0, -0.8));
    point.recall_low = point.recall - 0.01f;
    point.nanoseconds = 1000.0f * static_cast<float>(effort);
    calibration.points.push_back(point);
  }
  calibration.points.back().recall = calibration.points.back().recall_low = 1;  // by luck
  calibration.prepare();
  const auto mix = calibration.table.around(FilterPlan::kAuto, {0, 0, std::log(10.0)});
  const double last = std::log(64.0);
  EXPECT_GT(mix.at(last).missed, 0.001);
  const double effort = mix.effort_for(0.001);
  EXPECT_GT(effort, last + 1);
  EXPECT_LE(mix.at(effort).aimed, 0.001 + 1e-6);
  EXPECT_GT(mix.at(effort).nanoseconds, 2 * mix.at(last).nanoseconds);
}

}  // namespace
}  // namespace kith::test
