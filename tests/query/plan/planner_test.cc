// Goal: the planner takes the cheapest plan that is expected to reach the target, whatever was measured.
// Method: laws over random calibrations and questions, and calibrations small enough to know the right
// choice.
#include "query/plan/planner.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/query/plan/random_calibration.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

bool is_scan(FilterPlan plan) {
  return plan == FilterPlan::kScan || plan == FilterPlan::kCodeScan;
}

PlanQuestion random_question(const Calibration& calibration, Random& random) {
  PlanQuestion question;
  question.rows = random.below(4) == 0 ? random.below(1'000'000'000) : calibration.rows;
  question.filtered = random.below(4) != 0;
  const double share = std::pow(10, -6 * random.uniform());
  question.matches = static_cast<uint64_t>(static_cast<double>(question.rows) * share);
  question.k = static_cast<uint32_t>(1 + random.below(random.below(2) == 0 ? 12 : 5000));
  constexpr double kTargets[] = {0, 0.5, 0.9, 0.95, 0.99, 0.999, 1};
  question.recall_target = kTargets[random.below(std::size(kTargets))];
  if (random.below(2) == 0) question.correlation = std::pow(10, 4 * random.uniform() - 2);
  question.explore = random.below(4) == 0;
  if (question.filtered && random.below(2) == 0)
    question.labeled = question.matches + random.below(question.rows - question.matches + 1);
  question.labels = static_cast<uint32_t>(1 + random.below(64));
  return question;
}

void expect_possible(const PlanEstimate& estimate) {
  EXPECT_TRUE(std::isfinite(estimate.nanoseconds)) << filter_plan_name(estimate.plan);
  EXPECT_GE(estimate.nanoseconds, 0);
  EXPECT_GE(estimate.recall, 0);
  EXPECT_LE(estimate.recall, 1);
  const MeanWork& work = estimate.work;
  for (const double part :
       {work.full_distances, work.code_distances, work.hops, work.predicate_evaluations, work.ios})
    EXPECT_TRUE(std::isfinite(part) && part >= 0) << filter_plan_name(estimate.plan);
}

void expect_lawful(const PlanQuestion& question, const Plan& plan) {
  expect_possible(plan.chosen);
  for (const PlanEstimate& other : plan.others) {
    expect_possible(other);
    EXPECT_TRUE(other.plan != FilterPlan::kLabels || question.labeled);
  }
  EXPECT_TRUE(plan.chosen.plan != FilterPlan::kLabels || question.labeled);
  EXPECT_TRUE(plan.chosen.reaches) << "a scan would";
  EXPECT_GE(plan.chosen.recall, question.recall_target - 1e-6);
  if (plan.chosen.plan != FilterPlan::kScan) {
    EXPECT_GE(plan.chosen.effort, plan.chosen.plan == FilterPlan::kAuto ? 1 : question.k);
  }
  if (question.filtered && question.matches <= question.k) {
    EXPECT_EQ(plan.chosen.plan, FilterPlan::kScan);
  } else if (!plan.explores) {
    for (const PlanEstimate& other : plan.others)
      EXPECT_TRUE(!other.reaches || other.nanoseconds >= plan.chosen.nanoseconds * (1 - 1e-9))
          << filter_plan_name(other.plan) << " is cheaper than " << filter_plan_name(plan.chosen.plan);
  }
  for (size_t i = 1; i < plan.others.size(); ++i)
    EXPECT_LE(plan.others[i - 1].nanoseconds, plan.others[i].nanoseconds);
  const bool walks = question.filtered && !is_scan(plan.chosen.plan);
  EXPECT_EQ(plan.fallback != FilterPlan::kAuto, walks);
  EXPECT_TRUE(!walks || is_scan(plan.fallback));
  const double expected = plan.chosen.work.full_distances + plan.chosen.work.code_distances;
  if (walks && expected > 0) {
    EXPECT_GE(static_cast<double>(plan.distances_max), 2 * expected * (1 - 1e-9));
  }
}

TEST(Planner, KeepsItsLawsWhateverWasMeasured) {
  const uint64_t seed = test_seed();
  Random random(seed);
  for (int i = 0; i < 300; ++i) {
    const Calibration calibration = random_calibration(random);
    for (int j = 0; j < 20; ++j) {
      SCOPED_TRACE("KITH_SEED=" + std::to_string(seed) + ", round " + std::to_string(i));
      const PlanQuestion question = random_question(calibration, random);
      const Plan plan = make_plan(&calibration, question, true);
      expect_lawful(question, plan);
      const Plan plain = make_plan(&calibration, question);
      EXPECT_EQ(plain.chosen.plan, plan.chosen.plan);
      EXPECT_EQ(plain.chosen.effort, plan.chosen.effort);
      EXPECT_EQ(plain.distances_max, plan.distances_max);
      if (HasFailure()) return;
    }
  }
}

TEST(Planner, AsksMoreForMoreRecall) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int i = 0; i < 500; ++i) {
    const Calibration calibration = random_calibration(random);
    PlanQuestion question = random_question(calibration, random);
    question.explore = false;
    double before = 0;
    for (const double target : {0.1, 0.5, 0.8, 0.9, 0.95, 0.97, 0.99, 0.995, 0.999, 1.0}) {
      question.recall_target = target;
      const Plan plan = make_plan(&calibration, question);
      EXPECT_GE(plan.chosen.nanoseconds, before * (1 - 1e-6)) << target;
      before = plan.chosen.nanoseconds;
    }
  }
}

TEST(Planner, TakesEffortsAndPlansAsAsked) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int i = 0; i < 300; ++i) {
    const Calibration calibration = random_calibration(random);
    PlanQuestion question = random_question(calibration, random);
    question.explore = false;
    question.effort = static_cast<uint32_t>(1 + random.below(1000));
    const Plan plan = make_plan(&calibration, question, true);
    expect_possible(plan.chosen);
    EXPECT_EQ(plan.recall_target, 0);
    if (plan.chosen.plan != FilterPlan::kScan) {
      const uint32_t least = plan.chosen.plan == FilterPlan::kAuto ? 1 : question.k;
      EXPECT_EQ(plan.chosen.effort, std::max(question.effort, least));
    }
    question.filtered = true;
    question.plan = static_cast<FilterPlan>(1 + random.below(kFilterPlans - 1));
    const Plan named = make_plan(&calibration, question, true);
    EXPECT_EQ(named.chosen.plan, *question.plan);
    EXPECT_EQ(named.distances_max, 0u) << "who names a plan knows";
    expect_possible(named.chosen);
  }
}

TEST(Planner, WithoutACalibrationLeavesItToTheIndex) {
  PlanQuestion question{.rows = 1000, .matches = 100, .filtered = true, .effort = 70};
  const Plan plan = make_plan(nullptr, question, true);
  EXPECT_EQ(plan.chosen.plan, FilterPlan::kAuto);
  EXPECT_EQ(plan.chosen.effort, 70u);
  EXPECT_EQ(plan.distances_max, 0u);
  question.plan = FilterPlan::kPost;
  EXPECT_EQ(make_plan(nullptr, question).chosen.plan, FilterPlan::kPost);
  const Calibration empty;
  question.plan.reset();
  EXPECT_EQ(make_plan(&empty, question).chosen.plan, FilterPlan::kAuto);
}

/// 100,000 rows: scans at 10 ns a row; walks in place at κ 1, three times as cheap at 10 and ten times as
/// dear at 0.1, where they find half.
class KnownPlanner : public testing::Test {
 protected:
  static constexpr float kShares[] = {0.5f, 0.05f, 0.005f};

  KnownPlanner() {
    calibration_.rows = 100'000;
    calibration_.costs.scanned_row = 10;
    for (const float share : kShares) {
      add(FilterPlan::kScan, share, 1, 0, 1, share * 1e6f);
      for (const auto& [correlation, cost, recall] :
           {std::tuple{0.1f, 10.0f, 0.5f}, {1.0f, 1.0f, 0.9f}, {10.0f, 0.3f, 0.95f}}) {
        add(FilterPlan::kInline, share, correlation, 10, recall, 10'000 * cost / share);
        add(FilterPlan::kInline, share, correlation, 20, recall + (1 - recall) / 2, 20'000 * cost / share);
        add(FilterPlan::kInline, share, correlation, 40, recall < 0.9f ? 0.8f : 1, 40'000 * cost / share);
      }
    }
    for (const uint32_t effort : {10u, 20u, 40u, 80u})
      add(FilterPlan::kAuto, 1, 1, effort, 1 - 0.4f / static_cast<float>(effort),
          static_cast<float>(effort) * 1e3f);
    calibration_.prepare();
  }

  void add(FilterPlan plan, float share, float correlation, uint32_t effort, float recall, float cost) {
    CalibrationPoint point{plan, share, correlation, 10, effort, 1000, recall, recall, cost, {}};
    point.work.full_distances = double{cost} / 100;
    calibration_.points.push_back(point);
  }

  Plan plan(double share, double target, std::optional<double> correlation = {}, bool explore = false) const {
    PlanQuestion question{.rows = calibration_.rows, .filtered = true, .recall_target = target};
    question.matches = static_cast<uint64_t>(share * 1e5);
    question.correlation = correlation;
    question.explore = explore;
    return make_plan(&calibration_, question, true);
  }

  Calibration calibration_;
};

TEST_F(KnownPlanner, ScansWhereThatIsCheaperAndWalksElsewhere) {
  EXPECT_EQ(plan(0.5, 0.89).chosen.plan, FilterPlan::kInline);
  EXPECT_EQ(plan(0.5, 0.89).chosen.effort, 10u);
  EXPECT_NEAR(plan(0.5, 0.95).chosen.effort, 20, 1);
  EXPECT_EQ(plan(0.05, 0.89).chosen.plan, FilterPlan::kScan) << "50 us beside 200";
  EXPECT_EQ(plan(0.05, 0.9, 10).chosen.plan, FilterPlan::kScan) << "50 us beside 60";
  EXPECT_EQ(plan(0.0001, 0.9).chosen.plan, FilterPlan::kScan);
  EXPECT_EQ(plan(0.5, 0.89, 0.1).chosen.plan, FilterPlan::kScan) << "the walk would not find enough";
  EXPECT_EQ(plan(0.5, 1).chosen.plan, FilterPlan::kScan) << "nothing else is exact";
  EXPECT_NEAR(plan(0.0001, 0.9).chosen.nanoseconds, 100, 5) << "by the row, below all shares measured";
}

TEST_F(KnownPlanner, GivesUpWalksThatMeetOtherData) {
  const Plan walk = plan(0.5, 0.89);
  EXPECT_EQ(walk.fallback, FilterPlan::kScan);
  EXPECT_NEAR(walk.chosen.work.full_distances, 200, 1);
  EXPECT_NEAR(static_cast<double>(walk.distances_max), 800, 2) << "four times what is expected";
  EXPECT_FALSE(walk.correlation_known);
  EXPECT_TRUE(plan(0.5, 0.89, 10).correlation_known);
}

TEST_F(KnownPlanner, TriesAWalkWhereOneMightPay) {
  EXPECT_FALSE(plan(0.05, 0.9, {}, true).explores) << "60 us, if the rows are near, beside 50";
  for (CalibrationPoint& point : calibration_.points)
    if (point.plan == FilterPlan::kInline && point.correlation == 10) point.nanoseconds /= 4;
  calibration_.prepare();
  const Plan tries = plan(0.05, 0.9, {}, true);
  EXPECT_TRUE(tries.explores);
  EXPECT_EQ(tries.chosen.plan, FilterPlan::kInline);
  EXPECT_EQ(tries.fallback, FilterPlan::kScan);
  EXPECT_GT(tries.distances_max, 0u);
  EXPECT_FALSE(plan(0.05, 0.89).explores) << "nobody asked to";
  EXPECT_FALSE(plan(0.5, 0.9, {}, true).explores) << "it walks anyway";
}

/// Measured with labels of half of all rows and of a twentieth.
TEST_F(KnownPlanner, WalksForLabelsWhereTheFilterAsksForSome) {
  add(FilterPlan::kLabels, 0.5f, 1, 10, 0.99f, 20'000);
  add(FilterPlan::kLabels, 0.5f, 1, 20, 0.999f, 30'000);
  add(FilterPlan::kLabels, 0.05f, 1, 10, 0.99f, 10'000);
  calibration_.prepare();
  PlanQuestion question{.rows = 100'000, .matches = 50'000, .filtered = true, .recall_target = 0.95};
  const auto lists_labels = [&] {
    const Plan plan = make_plan(&calibration_, question, true);
    return plan.chosen.plan == FilterPlan::kLabels ||
           std::ranges::find(plan.others, FilterPlan::kLabels, &PlanEstimate::plan) != plan.others.end();
  };
  EXPECT_FALSE(lists_labels());
  question.labeled = 50'000;
  const Plan whole = make_plan(&calibration_, question);
  EXPECT_EQ(whole.chosen.plan, FilterPlan::kLabels);
  EXPECT_NEAR(whole.chosen.nanoseconds, 20'000, 1);
  EXPECT_EQ(whole.fallback, FilterPlan::kScan);
  EXPECT_GT(whole.distances_max, 0u);
  question.labels = 2;
  const Plan two = make_plan(&calibration_, question);
  EXPECT_EQ(two.chosen.effort, 20u) << "they share a beam";
  EXPECT_NEAR(two.chosen.nanoseconds, 30'000, 300);
  EXPECT_NEAR(two.chosen.recall, 0.99, 1e-3);
  question.labels = 1;
  question.matches = 25'000;
  const Plan half = make_plan(&calibration_, question);
  EXPECT_EQ(half.chosen.plan, FilterPlan::kLabels);
  EXPECT_NEAR(half.chosen.nanoseconds, 40'000, 1) << "every other row that it meets is allowed";
  EXPECT_NEAR(half.chosen.work.full_distances, 400, 1);
  question.matches = 50;
  EXPECT_EQ(make_plan(&calibration_, question).chosen.plan, FilterPlan::kScan);
  EXPECT_TRUE(lists_labels());
  question.matches = question.labeled.emplace(500);
  question.plan = FilterPlan::kLabels;
  EXPECT_NEAR(make_plan(&calibration_, question).chosen.nanoseconds, 10'000, 1)
      << "rarer labels than were measured cost no more";
}

TEST_F(KnownPlanner, AsksMoreOfAnIndexThatHasGrown) {
  PlanQuestion question{.rows = 100'000, .matches = 100'000, .recall_target = 0.98};
  const Plan before = make_plan(&calibration_, question);
  EXPECT_EQ(before.chosen.plan, FilterPlan::kAuto);
  EXPECT_NEAR(before.chosen.effort, 20, 1);
  question.rows = question.matches = 10'000'000'000;
  const Plan grown = make_plan(&calibration_, question);
  EXPECT_NEAR(grown.chosen.effort, 40, 2) << "the logarithm has doubled";
  EXPECT_NEAR(grown.chosen.nanoseconds, 2 * before.chosen.nanoseconds, before.chosen.nanoseconds / 10);
  question.recall_target = 0.9999;
  EXPECT_EQ(make_plan(&calibration_, question).chosen.plan, FilterPlan::kScan) << "nobody measured as much";
}

TEST_F(KnownPlanner, ExpectsOfMoreNeighboursWhatTheyTake) {
  PlanQuestion question{.rows = 100'000, .matches = 100'000, .k = 300, .recall_target = 0.98};
  const Plan plan = make_plan(&calibration_, question);
  EXPECT_NEAR(plan.chosen.effort, 600, 10);
  EXPECT_NEAR(plan.chosen.nanoseconds, 6e5, 3e4);
}

}  // namespace
}  // namespace kith::test
