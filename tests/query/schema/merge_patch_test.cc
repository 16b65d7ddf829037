// Goal: a merge patch does what RFC 7396 says and leaves all that it does not name byte for byte. Method: the
// examples of its appendix that are objects; names with escapes, blanks, names that come twice; random
// documents against the plain algorithm on parsed values.
#include "query/schema/merge_patch.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

struct Case {
  const char* target;
  const char* patch;
  const char* merged;
};

TEST(MergePatch, DoesWhatTheExamplesOfTheRfcSay) {
  const Case cases[] = {
      {R"({"a":"b"})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"b"})", R"({"b":"c"})", R"({"a":"b","b":"c"})"},
      {R"({"a":"b"})", R"({"a":null})", R"({})"},
      {R"({"a":"b","b":"c"})", R"({"a":null})", R"({"b":"c"})"},
      {R"({"a":["b"]})", R"({"a":"c"})", R"({"a":"c"})"},
      {R"({"a":"c"})", R"({"a":["b"]})", R"({"a":["b"]})"},
      {R"({"a":{"b":"c"}})", R"({"a":{"b":"d","c":null}})", R"({"a":{"b":"d"}})"},
      {R"({"a":[{"b":"c"}]})", R"({"a":[1]})", R"({"a":[1]})"},
      {R"({"e":null})", R"({"a":1})", R"({"e":null,"a":1})"},
      {R"({})", R"({"a":{"bb":{"ccc":null}}})", R"({"a":{"bb":{}}})"},
      {R"({"a":[1,2]})", R"({"a":{"b":[null,{"c":null}],"c":null}})", R"({"a":{"b":[null,{"c":null}]}})"},
  };
  for (const Case& each : cases) EXPECT_EQ(merge_patch(each.target, each.patch), each.merged) << each.patch;
}

TEST(MergePatch, LeavesWhatItDoesNotNameAsItWasWritten) {
  const Case cases[] = {
      {R"( { "n" : 0.12345678901234567890 , "s":"}\",{" , "x" : [ 1 , { "y" : 2 } ] } )", R"({"a":1})",
       R"({"n":0.12345678901234567890,"s":"}\",{","x":[ 1 , { "y" : 2 } ],"a":1})"},
      {R"({"a\u0062":1,"c":2})", R"({"ab":3})", R"({"a\u0062":3,"c":2})"},
      {R"({"":1})", R"({"":{"":2}})", R"({"":{"":2}})"},
      {R"({"a":1,"b":2,"a":3})", R"({"a":4})", R"({"b":2,"a":4})"},
      {R"({"a":{"x":1},"a":{"y":1}})", R"({"a":{"z":1}})", R"({"a":{"y":1,"z":1}})"},
      {R"({"a":1,"a":2})", R"({"a":null})", R"({})"},
      {R"({"a":1})", R"({"a":2,"a":null})", R"({})"},
      {"", R"({"a":1})", R"({"a":1})"},
      {R"({"a":1})", "", R"({"a":1})"},
      {R"({"a":"null"})", R"({"b":"null"})", R"({"a":"null","b":"null"})"},
  };
  for (const Case& each : cases)
    EXPECT_EQ(merge_patch(each.target, each.patch), each.merged) << each.target << each.patch;
}

TEST(MergePatch, StaysWithinWhatIsNoJson) {
  for (const char* text :
       {"{\"", "{\"a", "{\"a\\", "{\"a\":", "{\"a\":[", "}", "{\"a\"}", "{,", "[1]", "{\"a\":1"})
    (void)merge_patch(text, text);  // under the sanitizers: nothing is read beyond the end
}

nlohmann::ordered_json random_value(Random& random, int depth) {
  const uint64_t kind = random.below(depth > 0 ? 7 : 5);
  if (kind == 0) return nullptr;
  if (kind == 1) return random.below(2) == 0;
  if (kind == 2) return random.below(100);
  if (kind == 3) return std::string("{\"}[\\,:]").substr(random.below(4), random.below(5));
  if (kind == 4) return nlohmann::ordered_json::array({random.below(3), nullptr});
  auto object = nlohmann::ordered_json::object();
  for (uint64_t i = random.below(4); i > 0; --i)
    object[std::string(1, static_cast<char>('a' + random.below(4)))] = random_value(random, depth - 1);
  return object;
}

TEST(MergePatch, IsTheAlgorithmOfTheRfc) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  for (int i = 0; i < 5'000; ++i) {
    auto target = nlohmann::ordered_json::object(), patch = nlohmann::ordered_json::object();
    for (const char* name : {"a", "b", "\"c\\"}) {
      if (random.below(4) > 0) target[name] = random_value(random, 3);
      if (random.below(2) > 0) patch[name] = random_value(random, 3);
    }
    auto expected = target;
    expected.merge_patch(patch);
    const int indent = random.below(2) == 0 ? -1 : 2;
    const std::string merged = merge_patch(target.dump(indent), patch.dump(indent));
    ASSERT_EQ(nlohmann::json::parse(merged), nlohmann::json::parse(expected.dump()))
        << "KITH_SEED=" << seed << "\n"
        << target << "\n"
        << patch;
  }
}

}  // namespace
}  // namespace kith
