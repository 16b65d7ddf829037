// Goal: intervals of recall are those of the literature, hold as often as they say, and drift is called when
// it is sure and not before. Method: known values; many windows drawn from a known distribution.
#include "query/recall/recall_window.h"

#include <gtest/gtest.h>

#include "tests/support/vectors.h"

namespace kith {
namespace {

TEST(RecallWindow, WilsonsIntervalHasTheKnownValues) {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  EXPECT_NEAR(wilson_interval(81.0 / 263, 263).low, 0.2553, 5e-5);
  EXPECT_NEAR(wilson_interval(81.0 / 263, 263).high, 0.3662, 5e-5);
  EXPECT_NEAR(wilson_interval(0, 20).high, 0.1611, 5e-5);
  EXPECT_NEAR(wilson_interval(1, 20).low, 1 - 0.1611, 5e-5);
  EXPECT_EQ(wilson_interval(1, 20).high, 1);
  EXPECT_EQ(wilson_interval(0.3, 0).low, 0);
  EXPECT_EQ(wilson_interval(0.3, 0).high, 1);
}

TEST(RecallWindow, HoldsTheTrueMeanAboutAsOftenAsItSays) {
  const uint64_t seed = test::test_seed(11);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const double hard : {0.02, 0.1, 0.4}) {  // share of queries that find each hit at 0.6 rather than 0.97
    const double mean = hard * 0.6 + (1 - hard) * 0.97;
    int held = 0;
    double width = 0;
    constexpr int kWindows = 1000;
    for (int window = 0; window < kWindows; ++window) {
      RecallWindow seen;
      for (int query = 0; query < 200; ++query) {
        const double each = random.uniform() < hard ? 0.6 : 0.97;
        int hits = 0;
        for (int k = 0; k < 10; ++k) hits += random.uniform() < each;
        seen.add(hits / 10.0, 0.95);
      }
      const RunningRecall running = seen.running();
      EXPECT_EQ(running.queries, 200u);
      EXPECT_NEAR(running.target, 0.95, 1e-9);
      held += running.low <= mean && mean <= running.high;
      width += (running.high - running.low) / kWindows;
    }
    EXPECT_GE(held, 900) << "hard " << hard;
    EXPECT_LE(held, 980) << "hard " << hard << ": too wide";
    EXPECT_LT(width, 0.06) << "hard " << hard;
  }
}

TEST(RecallWindow, CallsDriftOnlyWhenItIsSure) {
  RecallWindow seen;
  for (int i = 0; i < 19; ++i) seen.add(0, 0.95);
  EXPECT_FALSE(seen.drifted()) << "too few";
  seen.add(0, 0.95);
  EXPECT_TRUE(seen.drifted());
  seen.clear();
  EXPECT_EQ(seen.running().queries, 0u);
  for (int i = 0; i < 400; ++i) seen.add(i % 2 == 0 ? 0.9 : 1, 0.95);
  EXPECT_FALSE(seen.drifted()) << "as asked";
  for (int i = 0; i < 600; ++i) seen.add(i % 2 == 0 ? 0.85 : 0.95, 0.95);
  EXPECT_TRUE(seen.drifted()) << "0.9 of the last 500, surely";
  EXPECT_EQ(seen.running().queries, 500u);
  for (int i = 0; i < 600; ++i) seen.add(0.945, 0.95);
  EXPECT_FALSE(seen.drifted()) << "within what the promise leaves open";
}

}  // namespace
}  // namespace kith
