// Goal: a field is measured when it never was, when a quarter of its rows changed, or when recall drifted,
// and not else; metrics say what is known. Method: counts of rows and notes made up; the text of the metrics.
#include "query/recall/recall_ledger.h"

#include <gtest/gtest.h>

#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;
using Reason = RecallLedger::Reason;

KeptCalibration kept(uint64_t rows_end, uint64_t rows) {
  KeptCalibration out;
  out.rows_end = rows_end;
  out.rows = rows;
  out.calibration.rows = rows;
  out.calibration.prepare();
  return out;
}

TEST(RecallLedger, IsDueWhenMuchHasChanged) {
  RecallLedger ledger("books", field("v", 4, Metric::kL2, "vamana"));
  EXPECT_EQ(ledger.due({1'000, 1'000}), Reason::kNever);
  EXPECT_EQ(ledger.calibration(), nullptr);
  ledger.replace(kept(1'000, 800), /*anew=*/true);
  ASSERT_NE(ledger.calibration(), nullptr);
  EXPECT_EQ(ledger.due({1'000, 800}), Reason::kNone);
  EXPECT_EQ(ledger.due({1'200, 1'000}), Reason::kNone) << "a quarter more";
  EXPECT_EQ(ledger.due({1'201, 1'001}), Reason::kChanged);
  EXPECT_EQ(ledger.due({1'000, 600}), Reason::kNone) << "a quarter less";
  EXPECT_EQ(ledger.due({1'000, 599}), Reason::kChanged);
  EXPECT_EQ(ledger.due({1'200, 800}), Reason::kNone) << "a quarter replaced";
  EXPECT_EQ(ledger.due({1'201, 800}), Reason::kChanged);
}

TEST(RecallLedger, IsDueWhenTheIndexHasOtherCodes) {
  RecallLedger ledger("books", field("v", 4, Metric::kL2, "vamana"));
  KeptCalibration of_second = kept(1'000, 1'000);
  of_second.code_version = 2;
  ledger.replace(std::move(of_second), /*anew=*/false);
  EXPECT_EQ(ledger.due({1'000, 1'000, 2}), Reason::kNone);
  EXPECT_EQ(ledger.due({1'000, 1'000, 3}), Reason::kRecoded);
  EXPECT_EQ(ledger.due({1'000, 1'000, 1}), Reason::kRecoded) << "the index was built anew";
  EXPECT_EQ(ledger.due({2'000, 2'000, 3}), Reason::kChanged);
}

TEST(RecallLedger, IsDueWhenRecallDrifts) {
  RecallLedger ledger("books", field("v", 4, Metric::kL2, "vamana"));
  ledger.replace(kept(1'000, 1'000), /*anew=*/true);
  for (int i = 0; i < 100; ++i) ledger.note(0.95, 0.95);
  EXPECT_EQ(ledger.due({1'000, 1'000}), Reason::kNone);
  ASSERT_TRUE(ledger.recall().running.has_value());
  EXPECT_NEAR(ledger.recall().running->mean, 0.95, 1e-9);
  for (int i = 0; i < 500; ++i) ledger.note(i % 2 == 0 ? 0.8 : 1, 0.95);
  EXPECT_EQ(ledger.due({1'000, 1'000}), Reason::kDrifted);
  ledger.replace(kept(1'000, 1'000), /*anew=*/true);
  EXPECT_EQ(ledger.due({1'000, 1'000}), Reason::kNone) << "what was found before says nothing of now";
  EXPECT_FALSE(ledger.recall().running.has_value());
  EXPECT_EQ(ledger.recall().calibrations, 2u);
}

TEST(RecallLedger, MetricsSayWhatIsKnown) {
  RecallLedger ledger("shelf", field("v", 4, Metric::kL2, "vamana"));
  ledger.replace(kept(1'000, 1'000), /*anew=*/true);
  for (int i = 0; i < 10; ++i) ledger.note(0.9, 0.95);
  const std::string text = metrics().prometheus_text();
  const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(has("kith_recall_millionths{collection=\"shelf\",field=\"v\"} 900000")) << text;
  EXPECT_TRUE(has("kith_recall_target_millionths{collection=\"shelf\",field=\"v\"} 950000")) << text;
  EXPECT_TRUE(has("kith_recall_queries_total{collection=\"shelf\",field=\"v\"} 10")) << text;
  EXPECT_TRUE(has("kith_calibrations_total{collection=\"shelf\",field=\"v\"} 1")) << text;
}

}  // namespace
}  // namespace kith
