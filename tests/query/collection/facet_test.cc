// Goal: a facet counts exactly how many points have each value, whatever columns know of them. Method: random
// points, filters and paths against a plain count on a map, across writes, expiry and restarts; values that
// columns keep by a hash or not at all; refusals.
#include "query/columns/limits.h"
#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

class FacetTest : public ModelledCollection {
 protected:
  struct Less {
    bool operator()(const FilterScalar& a, const FilterScalar& b) const { return scalar_less(a, b); }
  };
  void check(const FilterPath& path, const std::optional<Filter>& filter, uint32_t limit) {
    SCOPED_TRACE(to_text(path) + " of " + (filter ? to_text(*filter) : "all"));
    std::map<FilterScalar, uint64_t, Less> counts;
    for (const auto& [id, point] : satisfying(filter.value_or(Filter())))
      for (const FilterScalar& value : values_at(point, path)) ++counts[value];
    std::vector<FacetValue> expected;
    for (const auto& [value, points] : counts) expected.push_back({value, points});
    std::stable_sort(expected.begin(), expected.end(),
                     [](const FacetValue& a, const FacetValue& b) { return a.points > b.points; });
    const Facets facets = must(books_->facet({path, filter, limit, {}}));
    EXPECT_EQ(facets.distinct, expected.size());
    ASSERT_EQ(facets.values.size(), std::min<size_t>(limit, expected.size()));
    for (size_t i = 0; i < facets.values.size(); ++i) {
      EXPECT_EQ(facets.values[i].value, expected[i].value) << "place " << i;
      EXPECT_EQ(facets.values[i].points, expected[i].points) << "place " << i;
    }
  }
};

TEST_P(FacetTest, CountsWhatAPlainCountFinds) {
  open();
  for (int round = 0; round < 10 && !HasFailure(); ++round) {
    upsert(150);
    remove(40);
    if (round % 4 == 1) must(books_->checkpoint());
    if (round % 3 == 2) open();
    if (round == 7) must(db_->compact("books", {}));
    for (int i = 0; i < 25 && !HasFailure(); ++i)
      check(filters_.path(), i % 4 == 0 ? std::optional<Filter>() : filters_.filter(),
            i % 3 == 0 ? 3 : 1'000);
  }
}

/// Longer than columns keep by their text, and payloads that are too large for them.
TEST_P(FacetTest, CountsValuesThatColumnsDoNotKeep) {
  open();
  const std::string stem(column_limits::kStringBytesMax, 'x');
  std::string many;
  for (size_t i = 0; i <= column_limits::kRowValuesMax; ++i) many += fmt::format("{},", i);
  std::vector<Point> points;
  for (uint64_t id = 0; id < 60; ++id) {
    std::string payload = fmt::format(R"({{"s":["{}{}","short"]}})", stem, id % 3);
    if (id % 10 == 0) payload = fmt::format(R"({{"many":[{}0],"s":"short"}})", many);
    points.push_back(point(id, vector(), payload));
    model_[Id(id)] = {{}, payload};
  }
  must(books_->upsert(points, Durability::kAsync));
  for (const char* filter : {"TRUE", "id IN (0, 1, 2, 3, 10, 20)", "EXISTS many"})
    check({{"s"}}, must(parse_filter_text(filter)), 10);
  check({{"many"}}, std::nullopt, 10);
}

TEST_P(FacetTest, ExpiredPointsDoNotCount) {
  open();
  std::vector<Point> points;
  for (uint64_t id = 0; id < 20; ++id) {
    points.push_back(point(id, vector(), R"({"a":1})"));
    if (id % 2 == 0) points.back().expires_at_ms = kStartMs + 1'000;
  }
  must(books_->upsert(points, Durability::kAsync));
  clock_.advance_ms(2'000);
  const Facets facets = must(books_->facet({{{"a"}}, std::nullopt, 10, {}}));
  ASSERT_EQ(facets.values.size(), 1u);
  EXPECT_EQ(facets.values[0].points, 10u);
}

TEST_P(FacetTest, RefusesBadQuestions) {
  open();
  EXPECT_EQ(code_of(books_->facet({{}, std::nullopt, 10, {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->facet({{{"a", ""}}, std::nullopt, 10, {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->facet({{{"\xff"}}, std::nullopt, 10, {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->facet({{{"a"}}, std::nullopt, 0, {}})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->facet({{{"a"}}, std::nullopt, limits::kFacetLimit.max + 1, {}})),
            Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->facet({{{"a"}}, Filter{AtLeast{1, {}}}, 10, {}})), Code::kInvalidArgument);
  Stop stopped;
  stopped.deadline = std::chrono::steady_clock::now();
  upsert(50);
  EXPECT_EQ(code_of(books_->facet({{{"a"}}, std::nullopt, 10, stopped})), Code::kDeadlineExceeded);
}

/// Memory is bounded: values of payloads beyond it are refused, columns' own are not.
TEST_P(FacetTest, RefusesToHoldTooMuch) {
  open();
  const std::string stem(limits::kPayloadBytes.max - 1'000, 'x');
  for (uint64_t id = 0; id <= limits::kFacetBytes.max / stem.size(); ++id)
    must(books_->upsert(std::vector{point(id, vector(), fmt::format(R"({{"s":"{}{}"}})", stem, id))},
                        Durability::kAsync));
  EXPECT_EQ(code_of(books_->facet({{{"s"}}, std::nullopt, 10, {}})), Code::kResourceExhausted);
  const Filter few = must(parse_filter_text("id IN (1, 2)"));
  EXPECT_EQ(must(books_->facet({{{"s"}}, few, 10, {}})).distinct, 2u);
}

INSTANTIATE_TEST_SUITE_P(Kinds, FacetTest, testing::Values("flat"));

}  // namespace
}  // namespace kith
