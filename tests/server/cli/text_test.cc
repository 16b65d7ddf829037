// Goal: what `kith` prints and reads as text is exact: JSON, tables, progress lines, ids, fields, near names.
// Method: the functions themselves, on hand-made cases; JSON is read back by another library.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "server/cli/exit_code.h"
#include "server/cli/id_text.h"
#include "server/cli/json_members.h"
#include "server/cli/json_writer.h"
#include "server/cli/progress.h"
#include "server/cli/query_vector.h"
#include "server/cli/resume.h"
#include "server/cli/table.h"
#include "server/cli/wire.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

TEST(JsonWriter, nests_and_separates) {
  JsonWriter out;
  out.begin_object().field("a", 1).key("b").begin_array().number(2).text("x").null().end_array();
  out.key("c").begin_object().end_object().field("d", true).key("e").raw("{\"z\": 1e3}").end_object();
  EXPECT_EQ(out.str(), R"({"a":1,"b":[2,"x",null],"c":{},"d":true,"e":{"z": 1e3}})");
}

TEST(JsonWriter, json_of_others_stays_on_the_line) {
  JsonWriter out;
  out.begin_object().key("a").raw_line("{\n\t\"b\\n\": [1,\r\n2]\n}").field("c", 1).end_object();
  EXPECT_EQ(out.str(), "{\"a\":{ \t\"b\\n\": [1,  2] },\"c\":1}");
}

TEST(JsonWriter, any_bytes_become_valid_json_text) {
  const uint64_t seed = test::test_seed(7);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 2000; ++round) {
    std::string bytes;
    for (uint64_t i = random.below(12); i > 0; --i) bytes += static_cast<char>(random.next());
    JsonWriter out;
    out.text(bytes);
    EXPECT_FALSE(nlohmann::json::parse(out.str(), nullptr, false).is_discarded()) << out.str();
  }
  for (const char* valid : {"plain", "quote\" back\\ tab\t nul-free", "Käse – 数字 😀"}) {
    JsonWriter out;
    out.text(valid);
    EXPECT_EQ(nlohmann::json::parse(out.str()).get<std::string>(), valid);
  }
}

TEST(JsonWriter, floats_come_back_bit_for_bit) {
  const uint64_t seed = test::test_seed(11);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 20000; ++round) {
    const auto bits = round == 0 ? 0x80000000u : static_cast<uint32_t>(random.next());  // -0.0 first
    float value;
    std::memcpy(&value, &bits, sizeof value);
    if (!std::isfinite(value)) continue;
    JsonWriter out;
    out.number(value);
    const auto back = nlohmann::json::parse(out.str()).get<float>();
    EXPECT_EQ(std::memcmp(&back, &value, sizeof value), 0) << out.str();
  }
}

TEST(TextTable, aligns_by_code_points) {
  TextTable table({"name", ">rows"});
  table.add({"Käse", "7"});
  table.add({"x", "1,234"});
  EXPECT_EQ(table.str(), "name   rows\nKäse      7\nx     1,234\n");
}

TEST(Text, human_numbers) {
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(1000), "1,000");
  EXPECT_EQ(human_count(1234567), "1,234,567");
  EXPECT_EQ(human_bytes(1023), "1023 B");
  EXPECT_EQ(human_bytes(1536), "1.5 KiB");
  EXPECT_EQ(human_bytes(uint64_t{3} << 40), "3.0 TiB");
  EXPECT_EQ(shorten("größer", 4), "grö…");
  EXPECT_EQ(shorten("größer", 6), "größer");
  EXPECT_EQ(shorten("a\x1b[31m\nb", 20), "a [31m b") << "control characters must not reach the terminal";
}

TEST(Progress, line_tells_rate_and_time_left) {
  ProgressState state;
  state.done = 15'000;
  state.total = 60'000;
  state.bytes = 47'040'000;
  state.pending = 1200;
  const std::string line = progress_line("load", state, 10, 200);
  EXPECT_EQ(
      line,
      "load [###.........]  25 % 15,000/60,000 rows, 1,500 rows/s, 0:30 left, 4.7 MB/s, 1,200 to index");
  EXPECT_EQ(progress_line("load", state, 10, 12), "load [###..…");
}

TEST(Progress, unknown_and_empty_totals) {
  ProgressState state;
  EXPECT_EQ(progress_line("load", state, 0, 200), "load 0 rows, 0:00");
  state.done = 10;
  state.fraction = 0.5;
  EXPECT_EQ(progress_line("load", state, 3700, 200),
            "load [######......]  50 % 10 rows, 0 rows/s, 1:01:40 left");
  ProgressState nothing;
  nothing.total = 0;
  EXPECT_EQ(progress_line("load", nothing, 1, 200), "load [############] 100 % 0/0 rows, 0:01");
}

TEST(Ids, command_line_forms) {
  ASSERT_VALUE(number, parse_id("18446744073709551615"));
  EXPECT_EQ(number.number(), UINT64_MAX);
  ASSERT_VALUE(uuid, parse_id("6ba7b810-9dad-11d1-80b4-00c04fd430c8"));
  EXPECT_EQ(uuid.uuid(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  ASSERT_VALUE(upper, parse_id("6BA7B810-9dad-11d1-80b4-00c04fd430c8"));
  EXPECT_EQ(upper.text(), "6BA7B810-9dad-11d1-80b4-00c04fd430c8");
  ASSERT_VALUE(text, parse_id("text:7"));
  EXPECT_EQ(text.text(), "7");
  EXPECT_ERROR(parse_id(""), Code::kInvalidArgument, "empty");
  EXPECT_ERROR(parse_id("18446744073709551616"), Code::kInvalidArgument, "2^64-1");
  EXPECT_ERROR(parse_id(std::string(1'000'000, 'x')), Code::kInvalidArgument, "id");
  EXPECT_ERROR(parse_id("text:"), Code::kInvalidArgument, "id");
}

TEST(Ids, every_id_comes_back_as_what_it_was) {
  std::vector<v1::Id> ids;
  for (const uint64_t number : {uint64_t{0}, uint64_t{7}, UINT64_MAX}) ids.push_back(id_of_number(number));
  for (const char* text : {"a", "7", "007", "text:", "text:7", "text:text:x",
                           "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "Käse \"\\\n", "-1", "null"}) {
    ids.emplace_back().set_text(text);
  }
  ids.emplace_back().set_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
  for (const v1::Id& id : ids) {
    ASSERT_VALUE(typed, parse_id(id_text(id)));
    EXPECT_EQ(typed.SerializeAsString(), id.SerializeAsString()) << id.ShortDebugString();
    const auto json = nlohmann::json::parse(id_json(id));
    const FileId in_file = json.is_string() ? FileId(json.get<std::string>()) : FileId(json.get<uint64_t>());
    EXPECT_EQ(id_of_file(in_file).SerializeAsString(), id.SerializeAsString()) << id.ShortDebugString();
  }
}

TEST(Fields, parse_and_refuse) {
  ASSERT_VALUE(full, parse_field("image:512:cosine:f16:flat"));
  EXPECT_EQ(full.name(), "image");
  EXPECT_EQ(full.dim(), 512u);
  EXPECT_EQ(full.metric(), v1::METRIC_COSINE);
  EXPECT_EQ(full.type(), v1::SCALAR_TYPE_F16);
  EXPECT_EQ(full.index(), "flat");
  ASSERT_VALUE(bits, parse_field("hash:64:hamming"));
  EXPECT_EQ(bits.type(), v1::SCALAR_TYPE_BIT);
  for (const char* bad : {"", "a", ":4", "a:0", "a:65536", "a:4x", "a:-4", "a:4:near", "a:4:l2:f33",
                          "a:4:l2:bit", "a:4:l2:f32:hnsw:more", "a:99999999999"}) {
    EXPECT_ERROR(parse_field(bad), Code::kInvalidArgument, "--field") << bad;
  }
  EXPECT_ERROR(parse_option("m"), Code::kInvalidArgument, "NAME=VALUE");
  EXPECT_ERROR(parse_option("=1"), Code::kInvalidArgument, "NAME=VALUE");
}

TEST(JsonMembers, cuts_without_touching_the_bytes) {
  ASSERT_VALUE(members,
               json_members(R"( {"a\u00e9" : [1, {"x":"]}"}] ,"b":{"q":"\\\""}, "c":-1.50e3,"d":null } )"));
  ASSERT_EQ(members.size(), 4u);
  EXPECT_EQ(members[0].key, "aé");
  EXPECT_EQ(members[0].value, R"([1, {"x":"]}"}])");
  EXPECT_EQ(members[1].value, R"({"q":"\\\""})");
  EXPECT_EQ(members[2].value, "-1.50e3");
  EXPECT_EQ(members[3].value, "null");
  ASSERT_VALUE(none, json_members("{}"));
  EXPECT_TRUE(none.empty());
}

TEST(JsonMembers, refuses_what_is_no_object) {
  const std::string good = R"({"a":[1,2],"b":"x","c":{"d":1}})";
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_FALSE(json_members(good.substr(0, length)).ok()) << good.substr(0, length);
  for (const char* bad :
       {"[1]", "7", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1}x", "{,}", "{\"a\":]}", "{1:2}"})
    EXPECT_FALSE(json_members(bad).ok()) << bad;
  const uint64_t seed = test::test_seed(23);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (uint64_t i = 1 + random.below(4); i > 0; --i)
      bytes[random.below(bytes.size())] = "{}[]\",:\\ 1"[random.below(10)];
    const auto members = json_members(bytes);
    if (!members.ok()) continue;
    for (const JsonMember& member : *members)
      EXPECT_TRUE(member.value.data() >= bytes.data() &&
                  member.value.data() + member.value.size() <= bytes.data() + bytes.size())
          << bytes;
  }
  // Depth is counted, not recursed: a million brackets are just refused.
  EXPECT_FALSE(json_members("{\"a\":" + std::string(1'000'000, '[')).ok());
}

TEST(QueryVector, json_only_of_numbers_a_float_holds) {
  ASSERT_VALUE(values, parse_vector(" [1, -2.5e-1, 0] "));
  EXPECT_EQ(values, (std::vector<float>{1, -0.25f, 0}));
  for (const char* bad : {"", "1,2", "{}", "[1,", "[[1]]", "[1,null]", "[1e39]", "[\"1\"]", "[NaN]"}) {
    EXPECT_ERROR(parse_vector(bad), Code::kInvalidArgument, "--vector") << bad;
  }
}

TEST(Names, near_ones_first) {
  const std::vector<std::string> names = {"fashion", "sift", "fashion-mnist", "books"};
  EXPECT_EQ(near_names("fahsion", names), (std::vector<std::string>{"fashion"}));
  EXPECT_EQ(near_names("bokos", names), (std::vector<std::string>{"books"}));
  EXPECT_EQ(near_names("fashion-mn", names)[0], "fashion-mnist");
  EXPECT_TRUE(near_names("zebra", names).empty());
  EXPECT_TRUE(near_names("", names).empty());
}

TEST(Resume, finds_the_end_of_every_prefix) {
  for (uint64_t end : {uint64_t{0}, uint64_t{1}, uint64_t{2}, uint64_t{7}, uint64_t{100}, UINT64_MAX}) {
    for (uint64_t stored = 0; stored <= std::min<uint64_t>(end, 130); ++stored) {
      uint64_t probes = 0;
      auto found = first_missing(end, [&](uint64_t row) -> Result<bool> {
        ++probes;
        EXPECT_LT(row, end);
        return row < stored;
      });
      ASSERT_OK(found);
      EXPECT_EQ(*found, stored) << "of " << end;
      EXPECT_LE(probes, 20u);
    }
  }
  auto broken = first_missing(10, [](uint64_t) -> Result<bool> { return unavailable("gone"); });
  EXPECT_ERROR(broken, Code::kUnavailable, "gone");
}

TEST(ExitCodes, every_code_has_its_own_row) {
  const auto rows = exit_codes();
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(static_cast<size_t>(rows[i].code), i);
  for (int code = 1; code <= 9; ++code) EXPECT_NE(exit_code_of(static_cast<Code>(code)), ExitCode::kOk);
  for (const ExitCodeRow& row : rows) EXPECT_NE(exit_code_help().find(row.meaning), std::string::npos);
}

TEST(SeenIds, tells_every_repeat) {
  SeenIds seen;
  for (uint64_t i = 0; i < 100'000; ++i) {
    EXPECT_TRUE(seen.add(id_of_number(i))) << i;
    if (i % 100 == 0) {
      EXPECT_TRUE(seen.add(id_of_file(FileId("x" + std::to_string(i))))) << i;
    }
  }
  for (uint64_t i = 0; i < 100'000; i += 100) {
    EXPECT_FALSE(seen.add(id_of_number(i))) << i;
    EXPECT_FALSE(seen.add(id_of_file(FileId("x" + std::to_string(i))))) << i;
  }
  SeenIds small(2);
  EXPECT_TRUE(small.add(id_of_number(1)));
  EXPECT_TRUE(small.add(id_of_number(2)));
  EXPECT_FALSE(small.add(id_of_number(3))) << "none is called new past the bound";
}

}  // namespace
}  // namespace kith
