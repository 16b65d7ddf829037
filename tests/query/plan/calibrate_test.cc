// Goal: a calibration says of an index what its searches find and take. Method: a small index; recall that
// was measured against brute force, a vector that is stored never being its own answer; random filters
// against the shares that they are to have; what the planner then chooses, on other queries.
#include "query/plan/calibrate.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "query/plan/planner.h"
#include "query/plan/synthetic_filter.h"
#include "tests/index/graph/graph_support.h"
#include "tests/index/graph/label_support.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

constexpr size_t kRows = 5000, kQueries = 120;
constexpr uint32_t kDim = 32;  // fewer have no codes

class Calibrate : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::tie(rows_, queries_) =
        rows_and_queries(clustered_vectors(kRows + kQueries, kDim, 60, seed_), kQueries);
    index_ = build(spec_of("vamana", Metric::kL2, kDim, {{"ef_construction", "60"}}), rows_);
    live_ = RowSet::range(0, kRows);
  }
  static void TearDownTestSuite() { index_.reset(); }

  /// 16 vectors that are stored and 16 that are not.
  struct Sample {
    Vectors vectors;
    std::vector<Row> stored_as;
  };
  static Sample sample() {
    Sample out;
    out.vectors.dim = kDim;
    for (Row i = 0; i < 16; ++i) {
      const Row stored = i * 311;
      for (const float* vector : {rows_.row(stored), queries_.row(i)})
        out.vectors.data.insert(out.vectors.data.end(), vector, vector + kDim);
      out.vectors.rows += 2;
      out.stored_as.push_back(stored);
      out.stored_as.push_back(kNoRow);
    }
    return out;
  }
  static CalibrateInput input_of(const Sample& sample) {
    CalibrateInput input;
    input.queries = sample.vectors.block();
    input.stored_as = sample.stored_as;
    input.live = &live_;
    input.sequence = 77;
    input.settings.ks = {1, 10};
    input.settings.shares = {0.3, 0.05};
    input.settings.filtered_queries_max = 10;
    input.settings.effort_max = 160;
    return input;
  }
  static const IndexKind& kind(const char* name = "vamana") { return *find_index_kind(name).value(); }

  /// Of all rows but `own`, by brute force.
  static std::vector<double> nearest(const float* query, Row own, size_t k) {
    std::vector<double> all;
    for (size_t row = 0; row < kRows; ++row) {
      double sum = 0;
      for (uint32_t d = 0; d < kDim; ++d)
        sum += (double{query[d]} - rows_.row(row)[d]) * (double{query[d]} - rows_.row(row)[d]);
      if (row != own) all.push_back(sum);
    }
    std::partial_sort(all.begin(), all.begin() + static_cast<ptrdiff_t>(k), all.end());
    all.resize(k);
    return all;
  }

  static inline const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  static inline Vectors rows_, queries_;
  static inline std::unique_ptr<Index> index_;
  static inline RowSet live_;
};

TEST_F(Calibrate, MeasuresRecallAgainstTheTruth) {
  const Sample asked = sample();
  ASSERT_VALUE(found, calibrate(*index_, kind(), input_of(asked)));
  EXPECT_EQ(found.rows, kRows);
  EXPECT_EQ(found.sequence, 77u);
  EXPECT_EQ(found.queries, 32u);
  size_t compared = 0;
  for (const CalibrationPoint& point : found.points) {
    if (point.plan != FilterPlan::kAuto || point.queries != 32) continue;
    double recall = 0;
    for (size_t i = 0; i < asked.vectors.rows; ++i) {
      SearchRequest request;
      request.query = asked.vectors[i];
      request.k = point.k;
      request.effort = point.effort;
      request.left_out = asked.stored_as[i];
      ASSERT_VALUE(answer, index_->search(request));
      const double bound = nearest(asked.vectors.row(i), asked.stored_as[i], point.k).back() * (1 + 1e-5);
      for (const Neighbor& neighbor : answer.neighbors)
        recall += (neighbor.row != asked.stored_as[i] && neighbor.distance <= bound) / (32.0 * point.k);
    }
    EXPECT_NEAR(point.recall, recall, 1.01 / (32.0 * point.k))
        << "but for a tie; k " << point.k << ", effort " << point.effort;
    EXPECT_LT(point.recall_low, point.recall);
    EXPECT_GT(point.nanoseconds, 0);
    EXPECT_GT(point.work.hops, 0);
    ++compared;
  }
  EXPECT_GE(compared, 2u);
}

TEST_F(Calibrate, MeasuresEveryPlanUnderFilters) {
  const Sample asked = sample();
  ASSERT_VALUE(found, calibrate(*index_, kind(), input_of(asked)));
  size_t curves[kFilterPlans] = {};
  for (size_t i = 0; i < found.points.size(); ++i) {
    const CalibrationPoint& point = found.points[i];
    const bool first =
        i == 0 || found.points[i - 1].plan != point.plan || found.points[i - 1].share != point.share ||
        found.points[i - 1].correlation != point.correlation || found.points[i - 1].k != point.k;
    curves[static_cast<size_t>(point.plan)] += first;
    if (!first) {
      EXPECT_GT(point.effort, found.points[i - 1].effort);
    }
    EXPECT_GE(point.recall, point.recall_low);
    EXPECT_GE(point.queries, 2u);
    EXPECT_LE(point.queries, 32u);
    if (point.plan == FilterPlan::kScan) {
      EXPECT_EQ(point.recall_low, 1);
      EXPECT_NEAR(point.work.full_distances, point.share * kRows, 60);
    } else if (point.plan != FilterPlan::kAuto) {
      EXPECT_GE(point.effort, point.k);
      EXPECT_GT(point.correlation, 0.09f);
      EXPECT_LT(point.correlation, 10.1f);
    }
  }
  EXPECT_EQ(curves[static_cast<size_t>(FilterPlan::kAuto)], 2u);
  EXPECT_EQ(curves[static_cast<size_t>(FilterPlan::kScan)], 5u) << "and the truth";
  for (const FilterPlan plan :
       {FilterPlan::kCodeScan, FilterPlan::kInline, FilterPlan::kTwoHop, FilterPlan::kPost})
    EXPECT_EQ(curves[static_cast<size_t>(plan)], 12u) << filter_plan_name(plan);
  EXPECT_GT(found.costs.scanned_row, 0);
  EXPECT_GT(found.costs.scanned_code, 0);
  EXPECT_GT(found.costs.code_distance + found.costs.hop, 0);
}

/// Where time stands still: how slow searches are decides where measuring ends.
TEST_F(Calibrate, MeasuresTheSameAgain) {
  const Sample asked = sample();
  CalibrateInput input = input_of(asked);
  input.settings.shares = {};
  ManualClock clock;
  input.settings.clock = &clock;
  ASSERT_VALUE(once, calibrate(*index_, kind(), input));
  ASSERT_VALUE(again, calibrate(*index_, kind(), input));
  EXPECT_TRUE(once.table.has(FilterPlan::kScan)) << "what walks are compared with";
  ASSERT_EQ(once.points.size(), again.points.size());
  for (size_t i = 0; i < once.points.size(); ++i) {
    EXPECT_EQ(once.points[i].effort, again.points[i].effort);
    EXPECT_EQ(once.points[i].recall, again.points[i].recall);
    EXPECT_EQ(once.points[i].work.hops, again.points[i].work.hops);
  }
}

TEST_F(Calibrate, LetsThePlannerKeepItsTarget) {
  const Sample asked = sample();
  CalibrateInput input = input_of(asked);
  input.settings.shares = {};
  ASSERT_VALUE(found, calibrate(*index_, kind(), input));
  EXPECT_GT(found.costs.scanned_row, 0) << "no scan is free";
  for (const double target : {0.8, 0.9}) {
    const PlanQuestion question{.rows = kRows, .matches = kRows, .recall_target = target};
    const Plan plan = make_plan(&found, question);
    EXPECT_EQ(plan.chosen.plan, FilterPlan::kAuto);
    double recall = 0;
    for (size_t i = 20; i < kQueries; ++i) {
      SearchRequest request;
      request.query = queries_[i];
      request.effort = plan.chosen.effort;
      ASSERT_VALUE(answer, index_->search(request));
      const double bound = nearest(queries_.row(i), kNoRow, 10).back() * (1 + 1e-5);
      for (const Neighbor& neighbor : answer.neighbors) recall += neighbor.distance <= bound;
    }
    EXPECT_GE(recall / (10.0 * (kQueries - 20)), target - 0.06) << "32 queries do not tell more";
  }
}

TEST_F(Calibrate, LeavesOutPlansThatAnIndexDoesNotHave) {
  const Sample asked = sample();
  CalibrateInput input = input_of(asked);
  input.settings.filtered_queries_max = 4;
  Vectors few = rows_;
  few.rows = 1000;
  few.data.resize(1000 * kDim);
  live_ = RowSet::range(0, 1000);
  const auto plans_of = [&](const char* name) {
    const auto index = build(spec_of(name, Metric::kL2, kDim), few);
    std::vector<Row> stored_as(asked.stored_as.size(), kNoRow);
    input.stored_as = stored_as;
    std::set<FilterPlan> plans;
    const auto found = calibrate(*index, kind(name), input);
    EXPECT_OK(found);
    for (const CalibrationPoint& point : found->points) plans.insert(point.plan);
    return plans;
  };
  EXPECT_EQ(plans_of("hnsw"), (std::set<FilterPlan>{FilterPlan::kAuto, FilterPlan::kScan, FilterPlan::kInline,
                                                    FilterPlan::kTwoHop, FilterPlan::kPost}));
  EXPECT_EQ(plans_of("flat"), (std::set<FilterPlan>{FilterPlan::kAuto, FilterPlan::kScan}));
  live_ = RowSet::range(0, kRows);
}

/// Rows of label 1 are those of a cluster in two, of 2 every fifth row, of 3 nearly none.
TEST_F(Calibrate, MeasuresWalksForLabels) {
  const Sample asked = sample();
  std::vector<LabelSet> labels(kRows);
  RowSet rows_with[4];
  for (Row row = 0; row < kRows; ++row) {
    if (row % 60 % 2 == 0) labels[row].push_back(1);
    if (row % 5 == 0) labels[row].push_back(2);
    if (row % 1'000 == 3) labels[row].push_back(3);
    for (const Label label : labels[row]) rows_with[label].add(row);
  }
  const auto index =
      build_labeled(spec_of("vamana", Metric::kL2, kDim, {{"labels", "filtered"}}), rows_, labels);
  const auto of = [&](Label label) { return LabeledRows{any_of({label}), rows_with[label]}; };
  const LabelGroup groups[] = {{of(1)}, {of(2)}, {of(3)}};
  CalibrateInput input = input_of(asked);
  input.labels = groups;
  ASSERT_VALUE(found, calibrate(*index, kind(), input));
  std::set<float> shares;
  for (const CalibrationPoint& point : found.points) {
    if (point.plan != FilterPlan::kLabels) continue;
    shares.insert(point.share);
    EXPECT_EQ(point.correlation, 1);
    EXPECT_GE(point.effort, point.k);
    EXPECT_GT(point.work.hops, 0);
    EXPECT_LE(point.queries, 10u);
    const Label label = point.share > 0.4f ? 1 : point.share > 0.1f ? 2 : 3;
    if (point.queries != 10 || point.k != 10) continue;
    double recall = 0;
    for (size_t i = 0; i < 10; ++i) {
      const size_t at = (32 * (i + 1) + 9) / 10 - 1;  // the queries that are measured under filters
      SearchRequest request = asking({}, FilterPlan::kScan, asked.vectors[at]);
      RowSet allowed = rows_with[label];
      allowed.remove(asked.stored_as[at]);
      request.labels = nullptr;
      request.allowed = &allowed;
      ASSERT_VALUE(truth, index->search(request));
      const LabelQuery query = any_of({label});
      request = asking(query, FilterPlan::kLabels, asked.vectors[at], 10, point.effort);
      request.allowed = &allowed;
      request.left_out = asked.stored_as[at];
      ASSERT_VALUE(answer, index->search(request));
      for (const Neighbor& neighbor : answer.neighbors)
        recall += neighbor.distance <= truth.neighbors.back().distance * (1 + 1e-5f);
    }
    EXPECT_NEAR(point.recall, recall / 100, 0.0101) << "label " << label << ", effort " << point.effort;
  }
  ASSERT_FALSE(shares.empty());
  EXPECT_NEAR(*shares.rbegin(), 0.5, 0.01);
  input.labels = {};
  ASSERT_VALUE(without, calibrate(*index, kind(), input));
  EXPECT_FALSE(without.table.has(FilterPlan::kLabels));
}

/// Every fourth query is measured under filters, and of the group's four sets of labels nothing has the last.
TEST_F(Calibrate, TakesTheLabelsOfAGroupInTurn) {
  const Sample asked = sample();
  std::vector<LabelSet> labels(kRows);
  RowSet rows;
  for (Row row = 0; row < kRows; row += 5) {
    labels[row].push_back(1);
    rows.add(row);
  }
  const auto index =
      build_labeled(spec_of("vamana", Metric::kL2, kDim, {{"labels", "filtered"}}), rows_, labels);
  const LabeledRows one{any_of({1}), rows};
  const LabelGroup group = {one, one, one, {any_of({9}), RowSet()}};
  CalibrateInput input = input_of(asked);
  input.settings.filtered_queries_max = 8;
  input.labels = std::span(&group, 1);
  ASSERT_VALUE(found, calibrate(*index, kind(), input));
  uint32_t most = 0;
  for (const CalibrationPoint& point : found.points)
    if (point.plan == FilterPlan::kLabels) most = std::max(most, point.queries);
  EXPECT_EQ(most, 6u);
}

TEST_F(Calibrate, StopsWhenAskedToAndRefusesNonsense) {
  const Sample asked = sample();
  const auto with = [&](auto change) {
    CalibrateInput input = input_of(asked);
    change(input);
    return calibrate(*index_, kind(), input);
  };
  EXPECT_ERROR(with([](CalibrateInput& i) { i.stop.cancelled = [](const void*) { return true; }; }),
               Code::kCancelled, "");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.queries.count = 0; }), Code::kInvalidArgument, "queries");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.stored_as = i.stored_as.first(3); }), Code::kInvalidArgument,
               "kNoRow");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.live = nullptr; }), Code::kInvalidArgument, "live");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.settings.duty = 0; }), Code::kInvalidArgument, "duty");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.settings.shares = {2}; }), Code::kInvalidArgument, "shares");
  EXPECT_ERROR(with([](CalibrateInput& i) { i.settings.ks = {0}; }), Code::kInvalidArgument, "k");
  const auto early = with([](CalibrateInput& i) { i.settings.seconds_max = 1e-9; });
  ASSERT_OK(early);
  EXPECT_EQ(early->queries, 1u);
}

TEST(SyntheticFilter, PassesTheSharesThatWereAskedFor) {
  const uint64_t seed = test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  constexpr Row kAll = 100'000;
  const RowSet live = RowSet::range(0, kAll);
  NearRows near;
  for (Row row = 0; row < kAll / 10; ++row) near.ranking.push_back({static_cast<float>(row), row * 7});
  near = NearRows::of(std::move(near.ranking), kAll / 10);
  for (const double share : {1.0, 0.5, 0.2, 0.01}) {
    for (const double correlation : {0.1, 1.0, 10.0}) {
      const SyntheticFilter filter(live, share, correlation, seed, 0.1);
      const RowSet rows = filter.around(near, 7);
      RowSet near_rows = rows;
      near_rows.intersect(near.rows);
      const double passed = share * kAll;
      EXPECT_NEAR(static_cast<double>(rows.size()), passed, 5 * std::sqrt(passed) + 2) << share;
      const double near_passed = filter.correlation() * share * kAll / 10;
      EXPECT_NEAR(static_cast<double>(near_rows.size()), near_passed, 5 * std::sqrt(near_passed) + 2);
      EXPECT_NEAR(filter.correlation(), share == 1 ? 1 : std::min(correlation, 1 / share), 1e-9);
      EXPECT_FALSE(rows.contains(7));
    }
  }
}

}  // namespace
}  // namespace kith::test
