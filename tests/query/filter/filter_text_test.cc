// Goal: the language of filters reads as docs/filters.md says, its errors help, and to_text writes what
// parses back to the same filter. Method: texts with the filter they mean; wrong texts with the whole
// message; random filters written and read back.
#include "query/filter/filter_text.h"

#include <gtest/gtest.h>

#include "query/schema/limits.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

const FilterPath kX{{"x"}};

Filter equals(const char* name, FilterScalar value) {
  return {OneOf{{{name}}, {std::move(value)}}};
}
FilterBound<FilterNumber> number(FilterNumber value, bool inclusive = true) {
  return {value, inclusive};
}

void expect_parsed(const std::string& text, const Filter& expected) {
  SCOPED_TRACE(text);
  ASSERT_VALUE(parsed, parse_filter_text(text));
  EXPECT_TRUE(parsed == expected) << "read as " << to_text(parsed) << "\nnot as  " << to_text(expected);
}

TEST(FilterText, ReadsComparisons) {
  expect_parsed(
      "section = 'web' AND size < 1e6",
      {AllOf{{equals("section", "web"), {NumberRange{{{"size"}}, {}, number(int64_t{1000000}, false)}}}}});
  expect_parsed("x=-1.50", equals("x", -1.5));
  expect_parsed("x = 18446744073709551615", equals("x", FilterNumber(~uint64_t{0})));
  expect_parsed("x = true", equals("x", true));
  expect_parsed("x = 'it''s'", equals("x", "it's"));
  expect_parsed("x != 'a'", {NotOf{{equals("x", "a")}}});
  expect_parsed("x <> 2.0", {NotOf{{equals("x", FilterNumber(int64_t{2}))}}});
  expect_parsed("x >= 1", {NumberRange{kX, number(int64_t{1}), {}}});
  expect_parsed("x > 1", {NumberRange{kX, number(int64_t{1}, false), {}}});
  expect_parsed("x <= 0.5", {NumberRange{kX, {}, number(0.5)}});
  expect_parsed("x between 1 and 5", {NumberRange{kX, number(int64_t{1}), number(int64_t{5})}});
  expect_parsed("1 < x <= 5", {NumberRange{kX, number(int64_t{1}, false), number(int64_t{5})}});
  const FilterBound<Moment> day{{1795305600000000000}, true};
  expect_parsed("x >= DATE '2026-11-22'", {MomentRange{kX, day, {}}});
  expect_parsed("x = DATE '2026-11-22T00:00:00Z'", {MomentRange{kX, day, day}});
  expect_parsed("DATE '2026-11-22' <= x < DATE '2026-11-22'",
                {MomentRange{kX, day, FilterBound<Moment>{day.value, false}}});
  expect_parsed("date <= date '2026-11-22'", {MomentRange{{{"date"}}, {}, day}});
}

TEST(FilterText, ReadsQuestions) {
  expect_parsed("x IN ('a', 2, TRUE)", {OneOf{kX, {std::string("a"), FilterNumber(int64_t{2}), true}}});
  expect_parsed("x NOT IN (1)", {NotOf{{equals("x", FilterNumber(int64_t{1}))}}});
  expect_parsed("x IN ()", {OneOf{kX, {}}});
  expect_parsed("x CONTAINS ANY ('a')", equals("x", "a"));
  expect_parsed("x contains all ('a', 1)", {ContainsAll{kX, {std::string("a"), FilterNumber(int64_t{1})}}});
  expect_parsed("EXISTS a.b", {Exists{{{"a", "b"}}}});
  expect_parsed("x IS NULL", {IsNull{kX}});
  expect_parsed("x is not empty", {NotOf{{{IsEmpty{kX}}}}});
  expect_parsed("x STARTS WITH 'lib'", {Prefix{kX, "lib"}});
  expect_parsed("x NOT MATCH 'two words'", {NotOf{{{MatchWords{kX, "two words"}}}}});
  expect_parsed("x WITHIN 500 m OF (47.1, 8.5)", {GeoRadius{kX, {47.1, 8.5}, 500}});
  expect_parsed("x WITHIN 1.5km OF (-47, 8)", {GeoRadius{kX, {-47, 8}, 1500}});
  expect_parsed("x IN BOX (1, 2, 3, 4)", {GeoBox{kX, {1, 2}, {3, 4}}});
  expect_parsed("x IN POLYGON ((0, 0), (0, 2), (2, 0))", {GeoPolygon{kX, {{0, 0}, {0, 2}, {2, 0}}}});
  const Uuid uuid = parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8").value();
  expect_parsed("ID IN (7, 'sku-7', UUID '6BA7b810-9dad-11d1-80b4-00c04fd430c8')",
                {HasId{{uint64_t{7}, std::string("sku-7"), uuid}}});
  expect_parsed("id != 7", {NotOf{{{HasId{{uint64_t{7}}}}}}});
  expect_parsed("ID NOT IN ()", {NotOf{{{HasId{}}}}});
  expect_parsed(
      "ANY parts (size > 3 AND color = 'red')",
      {Nested{
          {{"parts"}},
          {{AllOf{{{NumberRange{{{"size"}}, number(int64_t{3}, false), {}}}, equals("color", "red")}}}}}});
}

TEST(FilterText, ReadsCombinationsByPrecedence) {
  const Filter a = equals("a", true);
  const Filter b = equals("b", true);
  const Filter c = equals("c", true);
  expect_parsed("a = true OR b = true AND c = true", {AnyOf{{a, {AllOf{{b, c}}}}}});
  expect_parsed("(a = true OR b = true) AND c = true", {AllOf{{{AnyOf{{a, b}}}, c}}});
  expect_parsed("NOT a = true AND b = true", {AllOf{{{NotOf{{a}}}, b}}});
  expect_parsed("NOT NOT (a = true AND b = true)", {NotOf{{{NotOf{{{AllOf{{a, b}}}}}}}}});
  expect_parsed("((a = true))", a);
  expect_parsed("a = true AND (b = true AND c = true)", {AllOf{{a, {AllOf{{b, c}}}}}});
  expect_parsed("AT LEAST 2 OF (a = true, b = true OR c = true)", {AtLeast{2, {a, {AnyOf{{b, c}}}}}});
  expect_parsed("AT LEAST 0 OF ()", {AtLeast{0, {}}});
  expect_parsed(" true\n", {AllOf{}});
  expect_parsed("FALSE", {AnyOf{}});
}

TEST(FilterText, ReadsNames) {
  const auto named = [](std::vector<std::string> names) { return Filter{Exists{{std::move(names)}}}; };
  expect_parsed("EXISTS _a-b1.C", named({"_a-b1", "C"}));
  expect_parsed("EXISTS \"odd name\".\"a.b\".\"say \"\"x\"\"\"", named({"odd name", "a.b", "say \"x\""}));
  expect_parsed("EXISTS \"größe\"", named({"größe"}));
  expect_parsed("EXISTS \"id\"", named({"id"}));
  expect_parsed("EXISTS a.not . any", named({"a", "not", "any"}));
  for (const char* name : {"date", "all", "m", "of", "box", "match", "between", "null", "in", "is"})
    expect_parsed(std::string(name) + " IS NULL", {IsNull{{{name}}}});
}

TEST(FilterText, SaysWhatIsWrongAndWhere) {
  const std::pair<const char*, const char*> texts[] = {
      {"", "at column 1: found the end, expected a condition, such as name = value"},
      {"a = 1 AN b = 2", "at column 7: found 'AN', expected AND, OR or the end"},
      {"a = ",
       "at column 5: found the end, expected a value: a number, a text in single quotes, TRUE or FALSE"},
      {"a = \"b\"", "at column 5: found '\"b\"', expected a value (texts stand in single quotes)"},
      {"a = null", "at column 5: found 'null', expected a value (for null write IS NULL)"},
      {"a",
       "at column 2: found the end, expected =, !=, <, <=, >, >=, IN, BETWEEN, IS, STARTS WITH, CONTAINS, "
       "MATCH or WITHIN"},
      {"ä = 1", "at column 1: found 'ä', no part of a filter"},
      {"\"ä\" = 'é' x", "at column 11: found 'x', expected AND, OR or the end"},
      {"a = 'b", "at column 5: found ''b', a text that no ' ends"},
      {"\"a = 1", "at column 1: found '\"a = 1', a name that no \" ends"},
      {"\"\" = 1", "at column 1: found '\"\"', expected a condition, such as name = value"},
      {"a. = 1", "at column 4: found '=', expected a name"},
      {"any = 1", "at column 5: found '=', expected a condition, such as name = value"},
      {"NOT and = 1",
       "at column 5: found 'and', expected a condition (a name like a keyword stands in double quotes)"},
      {"(a = 1", "at column 7: found the end, expected AND, OR or ')'"},
      {"a IN (1, 2", "at column 11: found the end, expected ',' or ')'"},
      {"a IN 1", "at column 6: found '1', expected '(', BOX or POLYGON"},
      {"a < 'b'", "at column 5: found ''b'', expected a number or DATE '...'"},
      {"a < DATE 'today'",
       "at column 10: found ''today'', expected a moment such as '2026-01-31' or '2026-01-31T12:00:00Z', "
       "from 1678 to 2261"},
      {"a BETWEEN 1 AND DATE '2026-01-01'", "at column 17: found 'DATE', expected a number, as before it"},
      {"1 > a", "at column 3: found '>', expected '<' or '<='"},
      {"a = 99999999999999999999",
       "at column 5: found '99999999999999999999', beyond whole numbers of 64 bits; give it a fraction or an "
       "exponent"},
      {"a = 1e400", "at column 5: found '1e400', beyond what numbers reach"},
      {"a IS 1", "at column 6: found '1', expected NULL, EMPTY or NOT"},
      {"a STARTS 'b'", "at column 10: found ''b'', expected WITH"},
      {"a CONTAINS ('b')", "at column 12: found '(', expected ALL or ANY"},
      {"a WITHIN 5 miles OF (1, 2)", "at column 12: found 'miles', expected m or km"},
      {"ID = -1", "at column 6: found '-1', expected a whole number from 0 on"},
      {"id > 1",
       "at column 4: found '>', expected =, !=, IN or NOT IN (a member named id stands in double quotes)"},
      {"ID = UUID '123'",
       "at column 11: found ''123'', expected the form 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx'"},
      {"AT LEAST -1 OF (a = 1)", "at column 10: found '-1', expected a whole number within 0..1000"},
      {"AT LEAST 1 (a = 1)", "at column 12: found '(', expected OF"},
      {"a = 'x\ny' \x01", "at column 11: found '\\x01', no part of a filter"},
  };
  for (const auto& [text, message] : texts) {
    const auto parsed = parse_filter_text(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalidArgument);
    EXPECT_EQ(parsed.error().message, message) << text;
  }
}

TEST(FilterText, IsBounded) {
  const auto deep = [](size_t levels) {
    return std::string(levels, '(') + "a = 1" + std::string(levels, ')');
  };
  EXPECT_OK(parse_filter_text(deep(limits::kFilterDepth.max - 1)));
  EXPECT_ERROR(parse_filter_text(deep(limits::kFilterDepth.max)), Code::kInvalidArgument, "filter_depth");
  std::string nots;
  for (int i = 0; i < 100'000; ++i) nots += "NOT ";
  EXPECT_ERROR(parse_filter_text(nots + "a = 1"), Code::kInvalidArgument, "filter_depth");
  EXPECT_ERROR(parse_filter_text("a = '" + std::string(limits::kFilterBytes.max, 'x') + "'"),
               Code::kInvalidArgument, "filter_bytes");
  std::string many = "a = 1";
  for (size_t i = 2; i < limits::kFilterNodes.max; ++i) many += " OR a = 1";
  EXPECT_OK(parse_filter_text(many));
  EXPECT_ERROR(parse_filter_text(many + " OR a = 1"), Code::kInvalidArgument, "filter_nodes");
  EXPECT_ERROR(parse_filter_text("a = '\xff'"), Code::kInvalidArgument, "UTF-8");
  EXPECT_ERROR(parse_filter_text("a WITHIN 1 m OF (91, 0)"), Code::kInvalidArgument,
               "filter: a: (91, 0) is no place");
  EXPECT_ERROR(parse_filter_text("ANY a (ID = 1)"), Code::kInvalidArgument, "within a nested condition");
}

// As to_text writes it: AllOf and AnyOf of one filter are that filter.
Filter without_groups_of_one(Filter filter) {
  const auto strip = [](std::vector<Filter>& of) {
    for (Filter& below : of) below = without_groups_of_one(std::move(below));
  };
  Filter only;
  bool one = false;
  std::visit(
      [&](auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (requires { node.of.front().node; }) {
          strip(node.of);
          one = (std::is_same_v<Node, AllOf> || std::is_same_v<Node, AnyOf>)&&node.of.size() == 1;
          if (one) only = node.of.front();
        }
      },
      filter.node);
  return one ? only : filter;
}

TEST(FilterText, IsReadBackAsWritten) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  for (int i = 0; i < 5'000; ++i) {
    const Filter filter = random.filter(6);
    const std::string text = to_text(filter);
    ASSERT_VALUE(parsed, parse_filter_text(text));
    ASSERT_TRUE(parsed == without_groups_of_one(filter)) << text << "\nread as " << to_text(parsed);
  }
}

TEST(FilterText, TakesAnyTextWithoutHarm) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  for (int i = 0; i < 5'000; ++i) {
    std::string text = to_text(random.filter());
    const size_t at = random.random().below(text.size() + 1);
    if (i % 3 == 0) text.erase(at, 1 + random.random().below(3));
    if (i % 3 == 1) text.insert(at, 1, " ()'\",.=<0aN-"[random.random().below(13)]);
    if (i % 3 == 2) text.resize(at);
    const auto parsed = parse_filter_text(text);
    if (!parsed.ok()) {
      ASSERT_EQ(parsed.error().code, Code::kInvalidArgument) << text;
      ASSERT_FALSE(parsed.error().message.empty()) << text;
    }
  }
}

}  // namespace
}  // namespace kith
