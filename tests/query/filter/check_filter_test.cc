// Goal: no filter that breaks a promise of filter.h or a limit gets past check_filter. Method: filters at
// each limit and one beyond it, each broken promise by hand, random valid filters.
#include "query/filter/check_filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "query/schema/limits.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

const FilterPath kA{{"a"}};
const Filter kLeaf{Exists{kA}};

void expect_refused(const Filter& filter, const std::string& part) {
  EXPECT_ERROR(check_filter(filter), Code::kInvalidArgument, part);
}

TEST(CheckFilter, HoldsTheLimits) {
  Filter deep = kLeaf;
  for (uint64_t i = 1; i < limits::kFilterDepth.max; ++i) deep = {NotOf{{deep}}};
  EXPECT_OK(check_filter(deep));
  expect_refused({NotOf{{deep}}}, "filter_depth");

  AllOf wide{std::vector<Filter>(limits::kFilterNodes.max - 1, kLeaf)};
  EXPECT_OK(check_filter({wide}));
  wide.of.push_back(kLeaf);
  expect_refused({wide}, "filter_nodes");

  OneOf values{kA, std::vector<FilterScalar>(limits::kFilterValues.max, int64_t{1})};
  EXPECT_OK(check_filter({values}));
  expect_refused({AllOf{{{values}, {HasId{{uint64_t{1}}}}}}}, "filter_values");
  expect_refused({AllOf{{{values}, {GeoPolygon{kA, {{0, 0}, {0, 1}, {1, 0}}}}}}}, "filter_values");
  values.values.emplace_back(true);
  expect_refused({values}, "filter_values");

  FilterPath path{std::vector<std::string>(limits::kFilterPathNames.max, "n")};
  EXPECT_OK(check_filter({Exists{path}}));
  path.names.emplace_back("n");
  expect_refused({Exists{path}}, "filter_path_names");

  const std::string text(limits::kFilterBytes.max - 1, 'x');
  EXPECT_OK(check_filter({Prefix{kA, text}}));
  expect_refused({Prefix{kA, text + "x"}}, "filter_bytes");
  expect_refused({MatchWords{{{"ab"}}, text}}, "filter_bytes");
  expect_refused({OneOf{kA, {text + "x"}}}, "filter_bytes");
}

TEST(CheckFilter, HoldsThePromises) {
  const double infinite = std::numeric_limits<double>::infinity();
  const double nan = std::nan("");
  expect_refused({Exists{}}, "filter_path_names");
  expect_refused({IsNull{{{"a", ""}}}}, "a name is empty");
  expect_refused({IsEmpty{{{"\xff"}}}}, "not UTF-8");
  expect_refused({Prefix{kA, "\xff"}}, "not UTF-8");
  expect_refused({OneOf{kA, {std::string("\xc3")}}}, "not UTF-8");
  expect_refused({OneOf{kA, {FilterNumber(nan)}}}, "a: a number is not finite");
  expect_refused({ContainsAll{kA, {FilterNumber(infinite)}}}, "not finite");
  expect_refused({NumberRange{kA, FilterBound<FilterNumber>{-infinite}, {}}}, "not finite");
  expect_refused({NumberRange{kA, {}, FilterBound<FilterNumber>{nan}}}, "not finite");
  expect_refused({NumberRange{kA, {}, {}}}, "without bounds");
  expect_refused({MomentRange{kA, {}, {}}}, "without bounds");
  expect_refused({NotOf{}}, "NOT of 0 conditions");
  expect_refused({NotOf{{kLeaf, kLeaf}}}, "NOT of 2 conditions");
  expect_refused({Nested{kA, {}}}, "a nested condition of 0 conditions");
  expect_refused({Nested{{}, {kLeaf}}}, "filter_path_names");
  expect_refused({Nested{kA, {{AnyOf{{{HasId{{uint64_t{1}}}}}}}}}}, "id within a nested condition");
  expect_refused({AtLeast{2, {kLeaf}}}, "at least 2 of 1");
  for (const GeoPoint& no_place : {GeoPoint{90.5, 0}, {0, -180.5}, {nan, 0}, {0, nan}, {infinite, 0}}) {
    expect_refused({GeoRadius{kA, no_place, 1}}, "is no place");
    expect_refused({GeoBox{kA, no_place, {0, 0}}}, "is no place");
    expect_refused({GeoBox{kA, {0, 0}, no_place}}, "is no place");
    expect_refused({GeoPolygon{kA, {{0, 0}, {1, 1}, no_place}}}, "is no place");
  }
  for (const double metres : {-1.0, nan, infinite}) expect_refused({GeoRadius{kA, {}, metres}}, "radius");
  expect_refused({GeoPolygon{kA, {{0, 0}, {1, 1}}}}, "polygon of 2 corners");
  expect_refused({HasId{{std::string()}}}, "filter: id: is empty");
  expect_refused({HasId{{std::string(2'000, 'x')}}}, "id_bytes");
}

TEST(CheckFilter, TakesWhatIsOdd) {
  EXPECT_OK(check_filter({AllOf{}}));
  EXPECT_OK(check_filter({AnyOf{}}));
  EXPECT_OK(check_filter({OneOf{kA, {}}}));
  EXPECT_OK(check_filter({HasId{}}));
  EXPECT_OK(check_filter({AtLeast{0, {}}}));
  EXPECT_OK(check_filter({Prefix{kA, ""}}));
  EXPECT_OK(check_filter({AllOf{{{Nested{kA, {kLeaf}}}, {HasId{{uint64_t{1}}}}}}})) << "beside, not within";
  EXPECT_OK(check_filter(
      {NumberRange{kA, FilterBound<FilterNumber>{int64_t{2}}, FilterBound<FilterNumber>{int64_t{1}}}}));
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  for (int i = 0; i < 1'000; ++i) ASSERT_OK(check_filter(random.filter(6)));
}

}  // namespace
}  // namespace kith
