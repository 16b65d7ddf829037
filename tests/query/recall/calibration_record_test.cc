// Goal: a calibration comes back as it was kept, and nothing that is damaged or was measured of something
// else is believed. Method: round trips; every byte changed, every length cut, every property of the field.
#include "query/recall/calibration_record.h"

#include <gtest/gtest.h>

#include <cstring>
#include <span>

#include "base/crc32c.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

KeptCalibration example() {
  KeptCalibration kept;
  kept.rows_end = 1'000;
  kept.rows = 900;
  kept.code_version = 3;
  kept.calibration.rows = 890;
  kept.calibration.sequence = 77;
  kept.calibration.queries = 256;
  kept.calibration.costs.full_distance = 12.5;
  for (uint32_t effort = 10; effort <= 80; effort *= 2) {
    CalibrationPoint point;
    point.k = 10;
    point.effort = effort;
    point.queries = 256;
    point.recall = 0.8f + static_cast<float>(effort) / 500;
    point.recall_low = point.recall - 0.01f;
    point.nanoseconds = 1'000.0f * static_cast<float>(effort);
    point.work.full_distances = 3.0 * effort;
    kept.calibration.points.push_back(point);
  }
  kept.calibration.prepare();
  return kept;
}

TEST(CalibrationRecord, ComesBackAsItWasKept) {
  const KeptCalibration kept = example();
  const VectorField spec = field("v", 16, Metric::kL2, "vamana");
  const std::string bytes = encode_calibration_record(kept, spec);
  const KeptCalibration back = must(parse_calibration_record(bytes, spec));
  EXPECT_EQ(back.rows_end, 1'000u);
  EXPECT_EQ(back.rows, 900u);
  EXPECT_EQ(back.code_version, 3u);
  EXPECT_EQ(back.calibration.rows, 890u);
  EXPECT_EQ(back.calibration.sequence, 77u);
  ASSERT_EQ(back.calibration.points.size(), 4u);
  EXPECT_EQ(back.calibration.points[3].effort, 80u);
  EXPECT_EQ(back.calibration.points[3].recall, kept.calibration.points[3].recall);
  EXPECT_EQ(encode_calibration_record(back, spec), bytes);
}

/// As it was before codes had versions.
TEST(CalibrationRecord, TheFirstVersionIsRead) {
  const VectorField spec = field("v", 16, Metric::kL2, "vamana");
  const std::string now = encode_calibration_record(example(), spec);
  std::string body = now.substr(5);
  uint32_t text = 0;
  std::memcpy(&text, body.data(), sizeof text);
  body.erase(4 + text + 16, 4);
  const uint32_t sum = crc32c(std::as_bytes(std::span(body)));
  std::string before(1, '\x01');
  before.append(reinterpret_cast<const char*>(&sum), sizeof sum).append(body);
  const KeptCalibration back = must(parse_calibration_record(before, spec));
  EXPECT_EQ(back.rows, 900u);
  EXPECT_EQ(back.code_version, 0u);
  ASSERT_EQ(back.calibration.points.size(), 4u);
}

TEST(CalibrationRecord, DamageIsNoticed) {
  const VectorField spec = field("v", 16, Metric::kL2, "vamana");
  const std::string bytes = encode_calibration_record(example(), spec);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_EQ(code_of(parse_calibration_record(damaged, spec)), Code::kCorruption) << "byte " << i;
    EXPECT_EQ(code_of(parse_calibration_record(bytes.substr(0, i), spec)), Code::kCorruption)
        << "cut at " << i;
  }
  EXPECT_EQ(code_of(parse_calibration_record(bytes + '\0', spec)), Code::kCorruption);
}

TEST(CalibrationRecord, IsOfTheFieldThatWasMeasured) {
  const VectorField spec = field("v", 16, Metric::kL2, "vamana");
  const std::string bytes = encode_calibration_record(example(), spec);
  std::vector<VectorField> others(5, spec);
  others[0].dim = 17;
  others[1].metric = Metric::kCosine;
  others[2].index = "hnsw";
  others[3].type = ScalarType::kF16;
  others[4].options = {{"degree", "24"}};
  for (const VectorField& other : others)
    EXPECT_EQ(code_of(parse_calibration_record(bytes, other)), Code::kFailedPrecondition);
  VectorField renamed = spec;
  renamed.name = "w";
  EXPECT_TRUE(parse_calibration_record(bytes, renamed).ok()) << "a name is not measured";
}

}  // namespace
}  // namespace kith
