// Goal: the walk of a path finds the values that filter.h describes. Method: documents by hand with the
// values and whether a member was met, listed in order.
#include "query/filter/path_values.h"

#include <gtest/gtest.h>

#include "query/filter/number.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

std::string shown(const JsonValue& value) {
  if (value.is_null()) return "null";
  if (value.is_bool()) return value.boolean() ? "true" : "false";
  if (value.is_number()) return to_text(value.number());
  if (value.is_string()) return "'" + std::string(value.string()) + "'";
  return value.is_object() ? "{}" : "[]";
}

std::string walked(const char* json, const FilterPath& path) {
  const auto tree = JsonTree::parse(json);
  std::string out;
  const PathWalk walk = visit_values(tree.value().root(), path, [&](const JsonValue& value) {
    out += shown(value) + " ";
    return false;
  });
  return out + (walk.member_met ? "met" : "absent");
}

TEST(PathValues, OpensArraysAndWalksObjects) {
  EXPECT_EQ(walked(R"({"a": 1})", {{"a"}}), "1 met");
  EXPECT_EQ(walked(R"({"a": 1})", {{"b"}}), "absent");
  EXPECT_EQ(walked(R"({"a": null})", {{"a"}}), "null met");
  EXPECT_EQ(walked(R"({"a": []})", {{"a"}}), "met");
  EXPECT_EQ(walked(R"({"a": [[], [[]]]})", {{"a"}}), "met");
  EXPECT_EQ(walked(R"({"a": ["x", [1, [true]], {"b": 2}, null]})", {{"a"}}), "'x' 1 true {} null met");
  EXPECT_EQ(walked(R"({"parts": [{"size": 1}, {"size": [2, 3]}, {}, 4]})", {{"parts", "size"}}), "1 2 3 met");
  EXPECT_EQ(walked(R"({"parts": [[{"size": 1}], [[{"size": 2}]]]})", {{"parts", "size"}}), "1 2 met");
  EXPECT_EQ(walked(R"({"parts": [{}, {"size": null}]})", {{"parts", "size"}}), "null met");
  EXPECT_EQ(walked(R"({"parts": []})", {{"parts", "size"}}), "absent");
  EXPECT_EQ(walked(R"({"a": {"b": {"c": 5}}})", {{"a", "b", "c"}}), "5 met");
  EXPECT_EQ(walked(R"({"a.b": 1, "a": {"b": 2}})", {{"a.b"}}), "1 met");
  EXPECT_EQ(walked(R"({"a": 1})", {{"a", "b"}}), "absent");
}

TEST(PathValues, EndsWhenAsked) {
  ASSERT_VALUE(tree, JsonTree::parse(R"({"a": [1, [2, 3]], "b": 1})"));
  int seen = 0;
  EXPECT_TRUE(visit_values(tree.root(), {{"a"}}, [&](const JsonValue&) { return ++seen == 2; }).ended);
  EXPECT_EQ(seen, 2);
}

}  // namespace
}  // namespace kith
