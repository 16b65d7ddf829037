// Goal: a JSON tree holds what the text says: values, exact numbers, order, the last of duplicate names; what
// is no JSON is refused. Method: documents by hand; random payloads against nlohmann-json.
#include "query/schema/json_tree.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "query/filter/number.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

bool same(const JsonValue& value, const nlohmann::json& expected) {
  switch (expected.type()) {
    case nlohmann::json::value_t::null:
      return value.is_null();
    case nlohmann::json::value_t::boolean:
      return value.is_bool() && value.boolean() == expected.get<bool>();
    case nlohmann::json::value_t::string:
      return value.is_string() && value.string() == expected.get<std::string>();
    case nlohmann::json::value_t::number_integer:
      return value.is_number() && compare_numbers(value.number(), expected.get<int64_t>()) == 0;
    case nlohmann::json::value_t::number_unsigned:
      return value.is_number() && compare_numbers(value.number(), expected.get<uint64_t>()) == 0;
    case nlohmann::json::value_t::number_float:
      return value.is_number() && compare_numbers(value.number(), expected.get<double>()) == 0;
    case nlohmann::json::value_t::array: {
      if (!value.is_array()) return false;
      size_t at = 0;
      for (const JsonValue element : value)
        if (at == expected.size() || !same(element, expected[at++])) return false;
      return at == expected.size();
    }
    default:
      break;
  }
  if (!value.is_object()) return false;
  size_t members = 0;
  for (const JsonValue member : value) {
    ++members;
    const auto found = expected.find(std::string(member.name()));
    if (found == expected.end() || !same(member, *found)) return false;
  }
  return members == expected.size();
}

TEST(JsonTree, HoldsWhatTheTextSays) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(seed);
  test::RandomFilters random(seed);
  for (int i = 0; i < 3'000; ++i) {
    const std::string payload = random.payload();
    ASSERT_VALUE(tree, JsonTree::parse_payload(payload));
    ASSERT_TRUE(same(tree.root(), nlohmann::json::parse(payload.empty() ? "{}" : payload))) << payload;
  }
}

TEST(JsonTree, KeepsOrderAndTheLastOfEachName) {
  for (const size_t others : {0u, 40u}) {  // few are told apart in another way than many
    std::string text = R"({"z": 1, "a": {"x": 1, "x": [2]}, "z": 3)";
    for (size_t i = 0; i < others; ++i) text += ", \"n" + std::to_string(i % 20) + "\": " + std::to_string(i);
    ASSERT_VALUE(tree, JsonTree::parse(text + R"(, "b": null})"));
    std::string names;
    for (const JsonValue member : tree.root()) names += std::string(member.name()) + " ";
    std::string expected = "a z ";
    for (size_t i = 20; i < others; ++i) expected += "n" + std::to_string(i % 20) + " ";
    EXPECT_EQ(names, expected + "b ");
    int met = 0;
    tree.root().with_member("z", [&](const JsonValue& z) {
      ++met;
      EXPECT_EQ(z.number(), FilterNumber(int64_t{3}));
    });
    tree.root().with_member("y", [&](const JsonValue&) { ++met; });
    EXPECT_EQ(met, 1);
  }
}

TEST(JsonTree, KeepsEveryDigitOfIntegers) {
  ASSERT_VALUE(tree,
               JsonTree::parse("[9007199254740993, 18446744073709551615, -9223372036854775808, 1.0, 1e300]"));
  const FilterNumber expected[] = {int64_t{9007199254740993}, ~uint64_t{0},
                                   std::numeric_limits<int64_t>::min(), int64_t{1}, 1e300};
  size_t at = 0;
  for (const JsonValue element : tree.root()) EXPECT_EQ(element.number(), expected[at++]);
  EXPECT_EQ(at, 5u);
}

TEST(JsonTree, RefusesWhatIsNoJson) {
  for (const char* text : {"{", "{\"a\": 1e400}", "{\"a\": 99999999999999999999}", "{\"a\": NaN}", "{} x",
                           "{\"a\": \"\xff\"}", "{\"a\": 01}", " "})
    EXPECT_ERROR(JsonTree::parse_payload(text), Code::kInvalidArgument, "JSON") << text;
  EXPECT_ERROR(JsonTree::parse_payload("[1]"), Code::kInvalidArgument, "not an object");
  EXPECT_ERROR(JsonTree::parse(std::string(2'000, '[') + std::string(2'000, ']')), Code::kInvalidArgument,
               "");
  EXPECT_OK(JsonTree::parse(std::string(1'000, '[') + std::string(1'000, ']')));
  EXPECT_TRUE(JsonTree::parse_payload("").value().root().empty());
}

}  // namespace
}  // namespace kith
