// Goal: figures are read off a curve as the header promises, and a sweep asks and times what it says.
// Method: hand-made curves with known answers; contestants that count their calls and answer by a known rule.
#include "bench/harness/sweep.h"

#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

namespace kith::bench {
namespace {

const Curve kCurve{"c", {{10, 0.80, 10'000}, {20, 0.90, 4'000}, {40, 0.98, 1'000}}};

TEST(QpsAt, IsThePointItselfAtAMeasuredRecall) {
  EXPECT_NEAR(*qps_at(kCurve, 0.90), 4'000, 1e-6);
  EXPECT_NEAR(*qps_at(kCurve, 0.98), 1'000, 1e-6);
}

TEST(QpsAt, IsGeometricHalfwayBetweenTwoPoints) {
  EXPECT_NEAR(*qps_at(kCurve, 0.94), 2'000, 1e-6);
}

TEST(QpsAt, IsTheFirstPointBelowItAndNothingAboveTheLast) {
  EXPECT_NEAR(*qps_at(kCurve, 0.5), 10'000, 1e-6);
  EXPECT_FALSE(qps_at(kCurve, 0.981).has_value());
  EXPECT_FALSE(qps_at(Curve{"empty", {}}, 0.1).has_value());
}

TEST(Frontier, DropsPointsBeatenInBoth) {
  // 0.85 at 3,000 is beaten by 0.90 at 4,000; the second 0.98 is slower than the first.
  Curve curve = kCurve;
  curve.points.push_back({15, 0.85, 3'000});
  curve.points.push_back({50, 0.98, 900});
  std::vector<CurvePoint> best = frontier(curve);
  ASSERT_EQ(best.size(), 3u);
  EXPECT_EQ(best[0].effort, 10u);
  EXPECT_EQ(best[1].effort, 20u);
  EXPECT_EQ(best[2].effort, 40u);
  EXPECT_EQ(*qps_at(curve, 0.94), *qps_at(kCurve, 0.94));
}

/// Answers row 0 to as many of the k places as effort / 10; recall is the share of zeros.
struct Fake {
  std::vector<uint32_t> efforts;  // of each pass
  std::atomic<size_t> searches{0};
  uint32_t effort = 0;

  Contestant contestant(const std::string& name) {
    auto search = [this](size_t, std::span<Row> out) -> Result<void> {
      ++searches;
      for (size_t i = 0; i < out.size(); ++i) out[i] = i < effort / 10 ? 0 : kNoRow;
      return {};
    };
    return {name, [this](uint32_t e) { efforts.push_back(effort = e); }, search};
  }
};

double share_of_zeros(std::span<const Row> answers) {
  return static_cast<double>(std::count(answers.begin(), answers.end(), Row{0})) /
         static_cast<double>(answers.size());
}

TEST(Sweep, TakesTurnsAndStopsEachContestantAtEnough) {
  Fake quick, slow;
  SweepOptions options;
  options.efforts = {50, 100, 200};
  options.queries = 7;
  options.passes = 2;
  std::vector<std::string> order;
  std::vector<Contestant> contestants{quick.contestant("quick"), slow.contestant("slow")};
  for (Contestant& one : contestants) {
    auto inner = one.prepare;
    one.prepare = [&order, inner, name = one.name](uint32_t effort) {
      order.push_back(name + std::to_string(effort));
      inner(name == "slow" ? effort / 2 : effort);
    };
  }
  auto curves = sweep(contestants, options, share_of_zeros);
  ASSERT_TRUE(curves.ok()) << curves.error().message;
  EXPECT_THAT(order, testing::ElementsAre("quick50", "slow50", "quick50", "slow50", "quick100", "slow100",
                                          "quick100", "slow100", "slow200", "slow200"));
  ASSERT_EQ((*curves)[0].points.size(), 2u);  // recall 1 at 100: no more
  ASSERT_EQ((*curves)[1].points.size(), 3u);
  EXPECT_DOUBLE_EQ((*curves)[0].points[0].recall, 0.5);
  EXPECT_DOUBLE_EQ((*curves)[1].points[0].recall, 0.2);
  EXPECT_EQ(quick.searches, 7u * 4);
  EXPECT_GT((*curves)[0].points[0].qps, 0);
}

TEST(Sweep, CountsTheFastestPass) {
  int pass = 0;
  Contestant contestant{"uneven", [&](uint32_t) { ++pass; },
                        [&](size_t, std::span<Row> out) -> Result<void> {
                          if (pass == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
                          std::fill(out.begin(), out.end(), 0);
                          return {};
                        }};
  SweepOptions options;
  options.efforts = {10};
  options.queries = 2;
  auto curves = sweep(std::span(&contestant, 1), options, share_of_zeros);
  ASSERT_TRUE(curves.ok()) << curves.error().message;
  EXPECT_EQ(pass, 3);
  EXPECT_GT((*curves)[0].points[0].qps, 1 / 0.030);  // the slow pass alone would give less than 34
}

TEST(Sweep, PassesOnTheErrorOfASearch) {
  Contestant contestant{
      "broken", [](uint32_t) {},
      [](size_t, std::span<Row>) -> Result<void> { return corruption("node {} is bad", 7); }};
  SweepOptions options;
  options.efforts = {10};
  options.queries = 40;
  auto curves = sweep(std::span(&contestant, 1), options, share_of_zeros);
  ASSERT_FALSE(curves.ok());
  EXPECT_EQ(curves.error().message, "node 7 is bad");
  auto threaded = measure_qps(contestant, 10, 2, options);
  ASSERT_FALSE(threaded.ok());
  EXPECT_EQ(threaded.error().code, Code::kCorruption);
}

TEST(Sweep, RefusesNothingToDo) {
  Fake fake;
  Contestant contestant = fake.contestant("fake");
  SweepOptions options;
  options.efforts = {10};
  EXPECT_FALSE(sweep(std::span(&contestant, 1), options, share_of_zeros).ok());  // no queries
  options.queries = 1;
  options.passes = 0;
  EXPECT_FALSE(sweep(std::span(&contestant, 1), options, share_of_zeros).ok());
  options.passes = 1;
  options.efforts.clear();
  EXPECT_FALSE(sweep(std::span(&contestant, 1), options, share_of_zeros).ok());
}

TEST(ThreadedQpsAt, SearchesEveryQueryOnceAPassAtTheEffortsAround) {
  Fake fake;
  SweepOptions options;
  options.efforts = {10};
  options.queries = 101;
  options.passes = 2;
  auto qps = threaded_qps_at(fake.contestant("fake"), kCurve, 0.95, 2, options);
  ASSERT_TRUE(qps.ok()) << qps.error().message;
  ASSERT_TRUE(qps->has_value());
  EXPECT_GT(**qps, 0);
  EXPECT_THAT(fake.efforts, testing::UnorderedElementsAre(20, 20, 40, 40));
  EXPECT_EQ(fake.searches, 101u * 4);
  auto unreached = threaded_qps_at(fake.contestant("fake"), kCurve, 0.999, 2, options);
  ASSERT_TRUE(unreached.ok());
  EXPECT_FALSE(unreached->has_value());
}

}  // namespace
}  // namespace kith::bench
