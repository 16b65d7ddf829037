// Goal: what a planner asks of a search beside a plan by name is done: a budget, what to go on as, a row that
// is left out; and a search tells what share of the rows it met passed. Method: an index on codes and one on
// full vectors, random filters, against the flat kind.
#include "tests/index/graph/graph_support.h"
#include "tests/support/seed.h"

namespace kith::test {
namespace {

constexpr size_t kRows = 5000;
constexpr uint32_t kDim = 32;  // fewer have no codes
constexpr FilterPlan kWalks[] = {FilterPlan::kInline, FilterPlan::kTwoHop, FilterPlan::kPost};

class PlannedWalk : public testing::TestWithParam<const char*> {
 protected:
  static RowSet random_rows(double share) {
    Random random(seed_ + 1);
    RowSet set;
    for (Row row = 0; row < kRows; ++row)
      if (random.uniform() < share) set.add(row);
    return set;
  }
  SearchRequest request(size_t query, FilterPlan plan, const RowSet* allowed) const {
    SearchRequest out;
    out.query = queries_[query];
    out.effort = 40;
    out.plan = plan;
    out.allowed = allowed;
    return out;
  }
  static void expect_equal(const SearchAnswer& a, const SearchAnswer& b) {
    ASSERT_EQ(a.neighbors.size(), b.neighbors.size());
    for (size_t i = 0; i < a.neighbors.size(); ++i)
      EXPECT_NEAR(a.neighbors[i].distance, b.neighbors[i].distance, 1e-4) << i;
  }

  static inline const uint64_t seed_ = test_seed();
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
  const std::pair<Vectors, Vectors> all_ =
      rows_and_queries(clustered_vectors(kRows + 40, kDim, 40, seed_), 40);
  const Vectors &rows_ = all_.first, &queries_ = all_.second;
  const std::unique_ptr<Index> index_ =
      build(spec_of(GetParam(), Metric::kL2, kDim, {{"ef_construction", "50"}}), rows_);
  const std::unique_ptr<Index> flat_ = build(spec_of("flat", Metric::kL2, kDim), rows_);
  const bool codes_ = std::string_view(GetParam()) == "vamana";
};

TEST_P(PlannedWalk, IsGivenUpWhereItsBudgetEnds) {
  const RowSet allowed = random_rows(0.4);
  for (const FilterPlan plan : kWalks) {
    SCOPED_TRACE(filter_plan_name(plan));
    SearchRequest one = request(0, plan, &allowed);
    ASSERT_VALUE(whole, index_->search(one));
    EXPECT_EQ(whole.plan, plan);
    one.distances_max = 20;
    one.fallback = FilterPlan::kScan;
    ASSERT_VALUE(scanned, index_->search(one));
    EXPECT_EQ(scanned.plan_begun, plan);
    EXPECT_EQ(scanned.plan, FilterPlan::kScan);
    EXPECT_LE(scanned.stats.full_distances + scanned.stats.code_distances, allowed.size() + 300);
    ASSERT_VALUE(truth, flat_->search(one));
    expect_equal(scanned, truth);
    one.fallback = FilterPlan::kCodeScan;
    ASSERT_VALUE(by_codes, index_->search(one));
    EXPECT_EQ(by_codes.plan, codes_ ? FilterPlan::kCodeScan : FilterPlan::kScan);
    for (const FilterPlan no_scan : {FilterPlan::kAuto, plan}) {
      one.fallback = no_scan;
      ASSERT_VALUE(chosen, index_->search(one));
      EXPECT_LE(chosen.plan, FilterPlan::kCodeScan) << "the index scans as it does without being told";
      EXPECT_EQ(chosen.neighbors.size(), 10u);
    }
    one.distances_max = 1'000'000;
    ASSERT_VALUE(generous, index_->search(one));
    EXPECT_EQ(generous.plan, plan);
  }
}

TEST_P(PlannedWalk, TellsWhatShareOfTheRowsItMetPasses) {
  const RowSet allowed = random_rows(0.3);
  for (const FilterPlan plan : {FilterPlan::kInline, FilterPlan::kPost}) {
    SearchStats sum;
    for (size_t i = 0; i < queries_.rows; ++i) {
      ASSERT_VALUE(answer, index_->search(request(i, plan, &allowed)));
      EXPECT_LE(answer.stats.walk_evaluations, answer.stats.predicate_evaluations);
      sum.add(answer.stats);
    }
    ASSERT_GT(sum.walk_evaluations, 1000u);
    EXPECT_NEAR(static_cast<double>(sum.walk_passes) / static_cast<double>(sum.walk_evaluations), 0.3, 0.06)
        << filter_plan_name(plan);
  }
  for (const FilterPlan plan : {FilterPlan::kTwoHop, FilterPlan::kScan, FilterPlan::kCodeScan}) {
    ASSERT_VALUE(answer, index_->search(request(0, plan, &allowed)));
    EXPECT_EQ(answer.stats.walk_evaluations, 0u) << "says nothing of the rows around";
  }
}

TEST_P(PlannedWalk, GoesByARowThatIsLeftOut) {
  const RowSet most = random_rows(0.9);
  size_t led = 0, came_in_by = 0;
  for (Row row = 0; row < kRows; row += 97) {
    for (const RowSet* allowed : {static_cast<const RowSet*>(nullptr), &most}) {
      SearchRequest one = request(0, FilterPlan::kInline, allowed);
      one.query = rows_[row];
      ASSERT_VALUE(found, index_->search(one));
      led += !found.neighbors.empty() && found.neighbors[0].row == row;
      one.left_out = row;
      ASSERT_VALUE(answer, index_->search(one));
      EXPECT_EQ(answer.neighbors.size(), 10u);
      for (const Neighbor& neighbor : answer.neighbors) came_in_by += neighbor.row == row;
      one.plan = FilterPlan::kScan;
      ASSERT_VALUE(scanned, index_->search(one));
      EXPECT_EQ(scanned.neighbors[0].row == row, allowed == nullptr || allowed->contains(row));
      one.left_out = 4'000'000;  // never added
      EXPECT_OK(index_->search(one));
    }
  }
  EXPECT_LE(came_in_by, 12u) << "one row in ten at most is met on the way in";
  EXPECT_GT(led, 50u) << "it is found where it is not left out";
}

/// Leaving out one of equal vectors would leave out all of them, which are its answer.
TEST_P(PlannedWalk, FindsTheEqualsOfARowThatIsLeftOut) {
  Vectors twice = rows_;
  for (size_t i = 0; i < 100; ++i)
    std::copy_n(rows_.row(i), kDim, twice.data.begin() + static_cast<ptrdiff_t>(kDim * (i + 1000)));
  const auto index = build(spec_of(GetParam(), Metric::kL2, kDim, {{"ef_construction", "50"}}), twice);
  size_t found = 0;
  for (Row row = 0; row < 100; ++row) {
    SearchRequest one = request(0, FilterPlan::kAuto, nullptr);
    one.query = twice[row];
    one.left_out = row;
    ASSERT_VALUE(answer, index->search(one));
    for (const Neighbor& neighbor : answer.neighbors) found += neighbor.row == row + 1000;
  }
  EXPECT_GE(found, 98u);
}

TEST_P(PlannedWalk, ScansAllRowsWhereNoFilterIsGiven) {
  for (size_t i = 0; i < 5; ++i) {
    const SearchRequest one = request(i, FilterPlan::kScan, nullptr);
    ASSERT_VALUE(answer, index_->search(one));
    ASSERT_VALUE(truth, flat_->search(one));
    expect_equal(answer, truth);
    EXPECT_EQ(answer.plan, FilterPlan::kScan);
    EXPECT_EQ(answer.stats.full_distances, kRows);
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, PlannedWalk, testing::Values("vamana", "hnsw"),
                         [](const auto& kind) { return std::string(kind.param); });

}  // namespace
}  // namespace kith::test
