// Goal: a calibration is read as it was written, and no other bytes are taken for one. Method: random ones
// there and back; every truncation, every byte changed, and values that nobody measured behind a right
// checksum; unit costs from searches whose cost is known.
#include "query/plan/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "query/plan/unit_costs.h"
#include "tests/query/plan/random_calibration.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

constexpr size_t kHead = 1 + 3 * 8 + 8 * 8 + 4;  // docs/formats.md

std::string with_right_checksum(std::string bytes) {
  const auto body = as_bytes(bytes).first(bytes.size() - 4);
  store_le(bytes.data() + body.size(), crc32c(body));
  return bytes;
}

Calibration small_calibration() {
  Random random(5);
  Calibration calibration;
  calibration.rows = 1000;
  add_curve(calibration, FilterPlan::kAuto, 1, 1, 10, random);
  add_curve(calibration, FilterPlan::kScan, 0.5f, 1, 10, random);
  calibration.prepare();
  return calibration;
}

TEST(CalibrationCodec, ReadsWhatItWrote) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int i = 0; i < 50; ++i) {
    const Calibration calibration = random_calibration(random);
    const std::string bytes = encode_calibration(calibration);
    ASSERT_VALUE(read, decode_calibration(bytes));
    EXPECT_EQ(encode_calibration(read), bytes);
    EXPECT_EQ(read.points.size(), calibration.points.size());
    EXPECT_EQ(read.rows, calibration.rows);
    EXPECT_EQ(read.costs.scanned_code, calibration.costs.scanned_code);
    EXPECT_TRUE(read.table.has(FilterPlan::kAuto));
  }
}

TEST(CalibrationCodec, TakesNoOtherBytes) {
  const std::string bytes = encode_calibration(small_calibration());
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_ERROR(decode_calibration(bytes.substr(0, size)), Code::kCorruption, "calibration");
  EXPECT_ERROR(decode_calibration(bytes + "x"), Code::kCorruption, "checksum");
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x41);
    EXPECT_ERROR(decode_calibration(changed), Code::kCorruption, "checksum") << "byte " << i;
  }
}

TEST(CalibrationCodec, RefusesWhatNobodyMeasured) {
  const Calibration valid = small_calibration();
  const auto expect_refused = [](Calibration calibration, const char* part) {
    EXPECT_ERROR(decode_calibration(encode_calibration(calibration)), Code::kCorruption, part);
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<std::pair<float CalibrationPoint::*, std::vector<float>>> wrong = {
      {&CalibrationPoint::share, {0, -1, 1.5f, nan}},
      {&CalibrationPoint::correlation, {0, -1, 1e9f, nan}},
      {&CalibrationPoint::recall, {-0.1f, 1.1f, nan}},
      {&CalibrationPoint::recall_low, {-0.1f, 1.1f, nan}},
      {&CalibrationPoint::nanoseconds, {-1, 1e30f, nan}}};
  for (const auto& [field, values] : wrong) {
    for (const float value : values) {
      Calibration calibration = valid;
      calibration.points[0].*field = value;
      expect_refused(calibration, "nobody measured");
    }
  }
  Calibration calibration = valid;
  calibration.points[0].k = 0;
  expect_refused(calibration, "nobody measured");
  calibration = valid;
  calibration.points[0].work.hops = -1;
  expect_refused(calibration, "nobody measured");
  calibration = valid;
  std::swap(calibration.points[0], calibration.points[1]);
  expect_refused(calibration, "out of order");
  calibration = valid;
  calibration.costs.io = HUGE_VAL;
  expect_refused(calibration, "unit of work");
  const std::string bytes = encode_calibration(valid);
  std::string other = bytes;
  other[0] = 2;
  EXPECT_ERROR(decode_calibration(with_right_checksum(other)), Code::kCorruption, "version");
  other = bytes;
  other[kHead - 1] = 0x7f;  // points
  EXPECT_ERROR(decode_calibration(with_right_checksum(other)), Code::kCorruption, "points in");
  other = bytes;
  other[kHead] = static_cast<char>(kFilterPlans);
  EXPECT_ERROR(decode_calibration(with_right_checksum(other)), Code::kCorruption, "plan");
}

TEST(UnitCostsFit, FindsWhatSearchesWereMadeOf) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  const UnitCosts truth{900, 60, 9, 35, 1.5, 80'000, 40, 5};
  std::vector<CostSample> samples;
  for (int i = 0; i < 300; ++i) {
    constexpr FilterPlan kPlans[] = {FilterPlan::kScan, FilterPlan::kCodeScan, FilterPlan::kAuto,
                                     FilterPlan::kInline};
    CostSample sample{kPlans[random.below(4)], {}, 0};
    const auto some = [&](double most) { return std::floor(random.uniform() * most); };
    if (sample.plan == FilterPlan::kScan)
      sample.work = {some(1e5), 0, 0, some(1e5), 0};
    else
      sample.work = {some(200), some(5000), some(300), some(3000), some(3)};
    sample.nanoseconds = truth.of(sample.plan, sample.work) * (0.99 + 0.02 * random.uniform());
    samples.push_back(sample);
  }
  const UnitCosts found = fit_unit_costs(samples);
  EXPECT_NEAR(found.full_distance, truth.full_distance, 6);
  EXPECT_NEAR(found.code_distance, truth.code_distance, 0.6);
  EXPECT_NEAR(found.hop, truth.hop, 4);
  EXPECT_NEAR(found.predicate_evaluation, truth.predicate_evaluation, 0.6);
  EXPECT_NEAR(found.io, truth.io, 3000);
  EXPECT_NEAR(found.scanned_row, truth.scanned_row, 1);
  EXPECT_NEAR(found.scanned_code, truth.scanned_code, 1.5);
  EXPECT_GE(found.search, 0);
  EXPECT_EQ(fit_unit_costs({}).scanned_row, 0);
}

}  // namespace
}  // namespace kith::test
