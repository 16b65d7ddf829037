// Goal: the evaluator says what filter.h says; everything faster is tested against it. Method: for each node
// payloads that it takes and payloads that it does not, by hand; laws of logic and of ranges on random ones.
#include "query/filter/matches.h"

#include <gtest/gtest.h>

#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

const FilterPath kA{{"a"}};

bool holds(const Filter& filter, std::string_view payload, const Id& id = uint64_t{1}) {
  const auto tree = JsonTree::parse_payload(payload);
  return Matcher(filter).matches(id, tree.value().root());
}

void expect(const Filter& filter, std::vector<const char*> taken, std::vector<const char*> not_taken) {
  for (const char* payload : taken) EXPECT_TRUE(holds(filter, payload)) << payload;
  for (const char* payload : not_taken) EXPECT_FALSE(holds(filter, payload)) << payload;
}

TEST(Matches, OneOfComparesByTypeAndValue) {
  expect(
      {OneOf{kA, {int64_t{1}}}}, {R"({"a": 1})", R"({"a": 1.0})", R"({"a": [0, [1e0]]})"},
      {"", "{}", R"({"a": "1"})", R"({"a": true})", R"({"a": null})", R"({"b": 1})", R"({"a": {"a": 1}})"});
  expect({OneOf{kA, {std::string("x"), true, 0.5}}},
         {R"({"a": "x"})", R"({"a": true})", R"({"a": [7, 0.5]})"},
         {R"({"a": "X"})", R"({"a": false})", R"({"a": []})"});
  expect({OneOf{kA, {FilterNumber(uint64_t{1})}}}, {R"({"a": 1})"}, {});
  expect({OneOf{kA, {int64_t{9007199254740993}}}}, {R"({"a": 9007199254740993})"},
         {R"({"a": 9007199254740992})", R"({"a": 9007199254740992.0})"});
  expect({OneOf{kA, {}}}, {}, {"", R"({"a": null})"});
}

TEST(Matches, ContainsAllWantsEveryValue) {
  const Filter filter{ContainsAll{kA, {std::string("x"), int64_t{2}, std::string("x")}}};
  expect(filter, {R"({"a": ["x", 2.0, 3]})", R"({"a": [["x"], [2]]})"},
         {R"({"a": ["x"]})", R"({"a": "x"})", "", R"({"a": ["x", "2"]})"});
  expect({ContainsAll{{{"a", "b"}}, {int64_t{1}, int64_t{2}}}}, {R"({"a": [{"b": 1}, {"b": 2}]})"},
         {R"({"a": [{"b": 1}]})"});
  expect({ContainsAll{kA, {}}}, {"", R"({"a": 1})"}, {});
}

TEST(Matches, RangesHoldForOneValueWithinBothBounds) {
  const Filter open{
      NumberRange{kA, FilterBound<FilterNumber>{int64_t{1}, false}, FilterBound<FilterNumber>{2.5, false}}};
  expect(open, {R"({"a": 2})", R"({"a": [0, 1.0001]})"},
         {R"({"a": 1})", R"({"a": 2.5})", R"({"a": [0, 3]})", R"({"a": "2"})", R"({"a": true})", ""});
  const Filter closed{NumberRange{kA, FilterBound<FilterNumber>{int64_t{1}}, FilterBound<FilterNumber>{2.5}}};
  expect(closed, {R"({"a": 1.0})", R"({"a": 2.5})"}, {R"({"a": 0.999})", R"({"a": 2.6})"});
  const Filter turned{
      NumberRange{kA, FilterBound<FilterNumber>{int64_t{2}}, FilterBound<FilterNumber>{int64_t{1}}}};
  expect(turned, {}, {R"({"a": [1, 2]})", R"({"a": 1.5})"});
  const Filter since{MomentRange{kA, FilterBound<Moment>{{0}}, {}}};
  expect(since,
         {R"({"a": "1970-01-01"})", R"({"a": "1970-01-01T01:00:00+01:00"})", R"({"a": ["x", "2026-11-22"]})"},
         {R"({"a": "1969-12-31"})", R"({"a": 0})", R"({"a": "1970-1-1"})", ""});
  const Filter until{MomentRange{kA, {}, FilterBound<Moment>{{0}, false}}};
  expect(until, {R"({"a": "1969-12-31T23:59:59.999999999Z"})"}, {R"({"a": "1970-01-01"})"});
}

TEST(Matches, PresenceAbsenceAndEmptiness) {
  expect({Exists{kA}}, {R"({"a": null})", R"({"a": []})", R"({"a": 0})"}, {"", R"({"b": {"a": 1}})"});
  expect({Exists{{{"a", "b"}}}}, {R"({"a": [{}, {"b": null}]})"},
         {R"({"a": {}})", R"({"a": "b"})", R"({"a": []})"});
  expect({IsNull{kA}}, {R"({"a": null})", R"({"a": [1, null]})"},
         {"", R"({"a": []})", R"({"a": 0})", R"({"a": ""})"});
  expect({IsEmpty{kA}},
         {"", R"({"a": null})", R"({"a": []})", R"({"a": {}})", R"({"a": ""})", R"({"a": [[], null, ""]})"},
         {R"({"a": 0})", R"({"a": false})", R"({"a": " "})", R"({"a": ["", 1]})", R"({"a": {"b": null}})"});
}

TEST(Matches, StringsByPrefixAndWords) {
  expect({Prefix{kA, "lib"}}, {R"({"a": "lib"})", R"({"a": ["x", "libra"]})"},
         {R"({"a": "Lib"})", R"({"a": "li"})", ""});
  expect({Prefix{kA, ""}}, {R"({"a": ""})"}, {"", R"({"a": 1})"});
  expect({MatchWords{kA, "Two  WORDS two"}},
         {R"({"a": "words, two"})", R"({"a": ["x", "Three: two words"]})"},
         {R"({"a": "two"})", R"({"a": ["two", "words"]})", R"({"a": "twowords"})", ""});
  expect({MatchWords{kA, "strasse"}}, {R"({"a": "Eine Straße"})"}, {R"({"a": "Straßen"})"});
  expect({MatchWords{kA, " ... "}}, {"", R"({"a": 1})"}, {});
}

TEST(Matches, Places) {
  const Filter near{GeoRadius{kA, {0, 179.999}, 300}};
  expect(near,
         {R"({"a": {"lat": 0, "lon": -179.999}})", R"({"a": [{"lat": 0, "lon": 179.999, "name": "x"}]})"},
         {R"({"a": {"lat": 0, "lon": 179}})", R"({"a": {"lat": 0}})", R"({"a": [0, 179.999]})", ""});
  expect({GeoRadius{kA, {47.1, 8.5}, 0}}, {R"({"a": {"lat": 47.1, "lon": 8.5}})"},
         {R"({"a": {"lat": 47.1, "lon": 8.500001}})"});
  expect({GeoBox{kA, {-1, 170}, {1, -170}}}, {R"({"a": {"lat": 1, "lon": -180}})"},
         {R"({"a": {"lat": 1, "lon": 0}})"});
  expect({GeoPolygon{kA, {{0, 0}, {0, 2}, {2, 0}}}}, {R"({"a": {"lat": 0.5, "lon": 0.5}})"},
         {R"({"a": {"lat": 1.5, "lon": 1.5}})"});
}

TEST(Matches, IdsOfEachKind) {
  const Uuid uuid{{1, 2, 3}};
  const Filter filter{HasId{{uint64_t{7}, std::string("9"), uuid, uint64_t{3}}}};
  for (const Id& id : {Id(uint64_t{7}), Id(uint64_t{3}), Id(std::string("9")), Id(uuid)})
    EXPECT_TRUE(holds(filter, "", id));
  for (const Id& id : {Id(uint64_t{9}), Id(std::string("7")), Id(Uuid{})})
    EXPECT_FALSE(holds(filter, "", id));
}

TEST(Matches, NestedAsksOneObjectAtATime) {
  const Filter red_and_large{AllOf{{{OneOf{{{"color"}}, {std::string("red")}}},
                                    {NumberRange{{{"size"}}, FilterBound<FilterNumber>{int64_t{3}}, {}}}}}};
  const Filter nested{Nested{{{"parts"}}, {red_and_large}}};
  const char* split = R"({"parts": [{"color": "red", "size": 1}, {"color": "blue", "size": 5}]})";
  expect(
      nested,
      {R"({"parts": [{}, {"color": "red", "size": 4}]})", R"({"parts": {"color": "red", "size": [1, 4]}})"},
      {split, ""});
  expect({AllOf{{{OneOf{{{"parts", "color"}}, {std::string("red")}}},
                 {NumberRange{{{"parts", "size"}}, FilterBound<FilterNumber>{int64_t{3}}, {}}}}}},
         {split}, {});
  const Filter nothing_inside{Nested{{{"parts"}}, {{NotOf{{{Exists{kA}}}}}}}};
  expect(nothing_inside, {R"({"parts": [{"a": 1}, {}]})"},
         {"", R"({"parts": [1]})", R"({"parts": [{"a": 1}]})"});
}

TEST(Matches, CombinesWithTwoTruthValues) {
  const Filter yes{};
  const Filter no{AnyOf{}};
  expect(yes, {""}, {});
  expect(no, {}, {""});
  expect({NotOf{{{OneOf{kA, {int64_t{1}}}}}}}, {"", R"({"a": null})", R"({"a": "1"})"}, {R"({"a": [1, 2]})"});
  expect({AtLeast{2, {yes, no, yes}}}, {""}, {});
  expect({AtLeast{3, {yes, no, yes}}}, {}, {""});
  expect({AtLeast{0, {no}}}, {""}, {});
}

TEST(Matches, KeepsTheLawsOfLogic) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  int held = 0;
  for (int i = 0; i < 2'000; ++i) {
    const Filter f = random.filter();
    const Filter g = random.leaf();
    const std::string payload = random.payload();
    const Id id = random.id();
    const bool is_f = holds(f, payload, id);
    const bool is_g = holds(g, payload, id);
    held += is_f;
    ASSERT_EQ(holds({NotOf{{f}}}, payload, id), !is_f) << payload;
    ASSERT_EQ(holds({AllOf{{f, g}}}, payload, id), is_f && is_g) << payload;
    ASSERT_EQ(holds({AnyOf{{f, g}}}, payload, id), is_f || is_g) << payload;
    ASSERT_EQ(holds({AtLeast{2, {f, g, f}}}, payload, id), is_f) << payload;
  }
  EXPECT_GT(held, 300) << "the generator's filters hardly ever hold";
  EXPECT_LT(held, 1'700) << "the generator's filters hardly ever fail";
}

}  // namespace
}  // namespace kith
