// Goal: filters as JSON read as docs/filters.md says, errors name the member, and to_json writes what parses
// back to the same filter. Method: forms beside the text that means the same; wrong forms with the whole
// message; random filters written and read back.
#include "query/filter/filter_json.h"

#include <gtest/gtest.h>

#include "query/filter/filter_text.h"
#include "query/schema/limits.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

TEST(FilterJson, ReadsEveryForm) {
  const std::pair<const char*, const char*> forms[] = {
      {R"({"all": [{"path": "a", "equals": "x"}, {"path": "b.c", "equals": 1}]})", "a = 'x' AND b.c = 1"},
      {R"({"any": [{"path": "a", "equals": true}, {"path": "b", "exists": true}]})", "a = TRUE OR EXISTS b"},
      {R"({"all": []})", "TRUE"},
      {R"({"any": []})", "FALSE"},
      {R"({"at_least": {"min": 1, "of": [{"all": []}, {"any": []}]}})", "AT LEAST 1 OF (TRUE, FALSE)"},
      {R"({"not": {"path": "a", "null": true}})", "a IS NOT NULL"},
      {R"({"path": "a", "empty": true})", "a IS EMPTY"},
      {R"({"in": [1, "x", false], "path": "a"})", "a IN (1, 'x', FALSE)"},
      {R"({"path": "a", "contains_all": [1, 2]})", "a CONTAINS ALL (1, 2)"},
      {R"({"path": "a", "range": {"gt": 1.5, "lte": 9007199254740993}})", "1.5 < a <= 9007199254740993"},
      {R"({"path": "a", "range": {"gte": "2026-01-01"}})", "a >= DATE '2026-01-01'"},
      {R"({"path": "a", "prefix": "lib"})", "a STARTS WITH 'lib'"},
      {R"({"path": "a", "match": "two words"})", "a MATCH 'two words'"},
      {R"({"path": "a", "near": {"lat": 47.1, "lon": 8.5, "metres": 500}})", "a WITHIN 500 m OF (47.1, 8.5)"},
      {R"({"path": "a", "box": {"south": 1, "west": 2, "north": 3, "east": 4}})", "a IN BOX (1, 2, 3, 4)"},
      {R"({"path": "a", "polygon": [[0, 0], [0, 2], [2, 0]]})", "a IN POLYGON ((0, 0), (0, 2), (2, 0))"},
      {R"({"ids": [7, "sku-7", {"uuid": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}]})",
       "ID IN (7, 'sku-7', UUID '6ba7b810-9dad-11d1-80b4-00c04fd430c8')"},
      {R"({"path": "parts", "nested": {"path": "size", "range": {"gt": 3}}})", "ANY parts (size > 3)"},
      {R"({"path": ["a.b", "c"], "exists": true})", "EXISTS \"a.b\".c"},
      {R"({"path": "id.größe", "exists": true})", "EXISTS \"id\".\"größe\""},
  };
  for (const auto& [json, text] : forms) {
    SCOPED_TRACE(json);
    ASSERT_VALUE(read, parse_filter_json(json));
    ASSERT_VALUE(expected, parse_filter_text(text));
    EXPECT_TRUE(read == expected) << to_text(read) << "\n" << text;
  }
}

TEST(FilterJson, SaysWhatIsWrongAndWhere) {
  const std::string known =
      "all, any, at_least, not, ids, equals, in, contains_all, range, exists, null, empty, prefix, match, "
      "near, box, "
      "polygon, nested";
  const std::pair<const char*, std::string> forms[] = {
      {"[]", "filter: expected an object, found a list"},
      {"{}", "filter: says nothing; a filter has one of " + known},
      {R"({"path": "a", "equal": 1})", "filter: unknown member 'equal'; a filter has one of " + known},
      {R"({"path": "a", "equals": 1, "in": [1]})",
       "filter: has 'equals' and 'in'; give one, and join two by 'all' or 'any'"},
      {R"({"equals": 1})", "filter: 'equals' needs a 'path'"},
      {R"({"path": "a", "all": []})", "filter: 'all' has no 'path'"},
      {R"({"path": 1, "equals": 1})",
       "filter: path: expected names joined by points, or a list of names, found a number"},
      {R"({"path": ["a", 1], "equals": 1})", "filter: path[1]: expected a name, found a number"},
      {R"({"path": "a", "equals": null})",
       "filter: equals: expected a number, a text, true or false, found null"},
      {R"({"all": [{"all": []}, {"any": {"a": 1}}]})",
       "filter: all[1].any: expected a list, found an object"},
      {R"({"not": {"path": "a", "in": [1, [2]]}})",
       "filter: not.in[1]: expected a number, a text, true or false, found a list"},
      {R"({"path": "a", "exists": false})",
       "filter: exists: expected true; for the opposite write {\"not\": ...}"},
      {R"({"path": "a", "range": {"from": 1}})",
       "filter: range: unknown member 'from'; known are gt, gte, lt, lte"},
      {R"({"path": "a", "range": {"gt": 1, "gte": 2}})", "filter: range: has 'gt' and 'gte'; give one"},
      {R"({"path": "a", "range": {"gt": true}})", "filter: range.gt: expected a number, found a truth value"},
      {R"({"path": "a", "range": {"gt": 1, "lt": "2026-01-01"}})",
       "filter: range.gt: expected a moment, as the other bound, found a number"},
      {R"({"path": "a", "range": {"lt": "today"}})",
       "filter: range.lt: 'today' is no moment; write '2026-01-31' or '2026-01-31T12:00:00Z', from 1678 to "
       "2261"},
      {R"({"path": "a", "range": {}})", "filter: a: a range without bounds; give one or two"},
      {R"({"path": "a", "near": {"lat": 1, "lon": 2}})", "filter: near: has no 'metres'"},
      {R"({"path": "a", "near": {"lat": 1, "lng": 2}})",
       "filter: near: unknown member 'lng'; known are lat, lon, metres"},
      {R"({"path": "a", "polygon": [[0, 0], [1]]})",
       "filter: polygon[1]: expected [lat, lon], found 1 numbers"},
      {R"({"at_least": {"min": 1.5, "of": []}})",
       "filter: at_least.min: expected a whole number within 0..1000"},
      {R"({"at_least": {"min": 1}})", "filter: at_least: has no 'of'"},
      {R"({"at_least": {"min": 1, "of": [{}]}})",
       "filter: at_least.of[0]: says nothing; a filter has one of " + known},
      {R"({"ids": [1, -1]})", "filter: ids[1]: -1 is no id; numbers of ids are whole, from 0 on"},
      {R"({"ids": [{"uuid": "x"}]})",
       "filter: ids[0]: expected an id: a number, a text or {\"uuid\": "
       "\"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\"}"},
      {R"({"path": "a", "box": {"south": 91, "west": 0, "north": 0, "east": 0}})",
       "filter: a: (91, 0) is no place; latitudes are within ±90, longitudes ±180"},
  };
  for (const auto& [json, message] : forms) {
    const auto read = parse_filter_json(json);
    ASSERT_FALSE(read.ok()) << json;
    EXPECT_EQ(read.error().code, Code::kInvalidArgument);
    EXPECT_EQ(read.error().message, message) << json;
  }
  EXPECT_ERROR(parse_filter_json("{\"all\": ["), Code::kInvalidArgument, "filter: is not JSON");
}

TEST(FilterJson, IsBounded) {
  const auto deep = [](size_t levels) {
    std::string text = R"({"all": []})";
    for (size_t i = 1; i < levels; ++i) text = "{\"not\": " + text + "}";
    return text;
  };
  EXPECT_OK(parse_filter_json(deep(limits::kFilterDepth.max)));
  EXPECT_ERROR(parse_filter_json(deep(limits::kFilterDepth.max + 1)), Code::kInvalidArgument, "filter_depth");
  EXPECT_ERROR(parse_filter_json(deep(900)), Code::kInvalidArgument, "filter_depth");
  EXPECT_ERROR(parse_filter_json(deep(2'000)), Code::kInvalidArgument, "filter: is not JSON");
  EXPECT_ERROR(parse_filter_json(std::string(limits::kFilterBytes.max + 1, ' ')), Code::kInvalidArgument,
               "filter_bytes");
}

TEST(FilterJson, IsReadBackAsWritten) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  for (int i = 0; i < 5'000; ++i) {
    const Filter filter = random.filter(6);
    const std::string json = to_json(filter);
    ASSERT_VALUE(read, parse_filter_json(json));
    ASSERT_TRUE(read == filter) << json << "\nread as " << to_json(read);
  }
}

}  // namespace
}  // namespace kith
