// Goal: keys sort as their objects do and records come back as written; any other bytes are Corruption.
// Method: round trips, order of random ids, every truncation and every single-byte change of good records.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "storage/log/change_log.h"
#include "storage/rows/expiry_map.h"
#include "storage/rows/id_key.h"
#include "storage/rows/keys.h"
#include "storage/rows/row_record.h"

namespace kith {
namespace {

TEST(IdKey, OrderIsNumbersThenUuidsThenText) {
  std::array<uint8_t, kUuidBytes> low{}, high{};
  high[0] = 0xff;
  const std::vector<std::string> ascending = {
      number_id_key(0),          number_id_key(1),     number_id_key(255), number_id_key(256),
      number_id_key(UINT64_MAX), uuid_id_key(low),     uuid_id_key(high),  text_id_key("\x01"),
      text_id_key("a"),          text_id_key("a\x01"), text_id_key("ab"),  text_id_key("b"),
      text_id_key("\xc3\xa9"),
  };
  EXPECT_TRUE(std::is_sorted(ascending.begin(), ascending.end()));
  EXPECT_EQ(std::adjacent_find(ascending.begin(), ascending.end()), ascending.end());
}

TEST(IdKey, ComesBackAndRefusesOtherBytes) {
  EXPECT_EQ(parse_id_key(number_id_key(77))->number, 77u);
  EXPECT_EQ(parse_id_key(text_id_key("seven"))->body, "seven");
  const std::string bad[] = {"",
                             "\x01",
                             "\x01"
                             "1234567",
                             "\x01"
                             "123456789",
                             "\x02"
                             "short",
                             "\x03",
                             "\x04"
                             "x",
                             "\x03" + std::string(kIdTextBytesMax + 1, 'x'),
                             std::string(9, '\0')};
  for (const std::string& key : bad) {
    const auto parsed = parse_id_key(key);
    ASSERT_FALSE(parsed.ok()) << key.size();
    EXPECT_EQ(parsed.error().code, Code::kCorruption);
  }
}

TEST(Keys, SortByCollectionThenNumberAndStayInTheirRanges) {
  const auto inside = [](const std::string& key, const KeyRange& range) {
    return range.begin <= key && key < range.end;
  };
  EXPECT_LT(row_record_key(1, 255), row_record_key(1, 256));
  EXPECT_LT(row_record_key(1, kNoRow), row_record_key(2, 0));
  EXPECT_LT(change_key(1, 1), change_key(1, 1ull << 40));
  EXPECT_LT(vector_key(3, 0, kNoRow), vector_key(3, 1, 0));
  for (const CollectionNumber collection : {1u, 255u, 256u, 0xfffffffeu}) {
    const KeyRange all = collection_range(collection);
    for (const std::string& key :
         {row_record_key(collection, 0), row_record_key(collection, kNoRow),
          id_entry_key(collection, text_id_key("\xff")), change_key(collection, UINT64_MAX),
          vector_key(collection, 15, kNoRow), vector_key(collection, 0, 0)}) {
      EXPECT_TRUE(inside(key, all));
      EXPECT_FALSE(inside(key, collection_range(collection - 1)));
      EXPECT_FALSE(inside(key, catalog_range()));
    }
    EXPECT_TRUE(inside(catalog_key(collection), catalog_range()));
    EXPECT_FALSE(inside(catalog_key(collection), all));
  }
  EXPECT_FALSE(inside(next_collection_key(), catalog_range()));
  EXPECT_FALSE(inside(format_key(), catalog_range()));
}

TEST(Keys, ComeBackAndRefuseOtherLengths) {
  EXPECT_EQ(*row_of_record_key(row_record_key(9, 0x01020304)), 0x01020304u);
  EXPECT_EQ(*row_of_vector_key(vector_key(9, 3, 77)), 77u);
  EXPECT_EQ(*sequence_of_change_key(change_key(9, 1ull << 33)), 1ull << 33);
  EXPECT_EQ(*collection_of_catalog_key(catalog_key(12)), 12u);
  EXPECT_EQ(*id_key_of_entry(id_entry_key(9, number_id_key(5))), number_id_key(5));
  EXPECT_EQ(*parse_row_value(row_value(31)), 31u);
  EXPECT_FALSE(row_of_record_key("short").ok());
  EXPECT_FALSE(sequence_of_change_key(row_record_key(1, 1)).ok());
  EXPECT_FALSE(id_key_of_entry("12345").ok());
  EXPECT_FALSE(parse_row_value("123").ok());
  EXPECT_FALSE(parse_row_value("\xff\xff\xff\xff").ok());
}

TEST(RowRecord, ComesBackWholeAndRefusesEveryTruncationOfItsHead) {
  const std::string id = text_id_key("chunk-7");
  for (const uint64_t expires_at_ms : {uint64_t{0}, uint64_t{1}, kExpiryMax}) {
    const std::string head = encode_row_head(0x8001, expires_at_ms, id);
    EXPECT_EQ(head.size(), 6 + id.size() + (expires_at_ms == 0 ? 0 : 8)) << "a row that stays pays nothing";
    const std::string value = head + R"({"a":1})";
    const auto record = parse_row_record(value);
    ASSERT_TRUE(record.ok());
    EXPECT_EQ(record->fields, 0x8001);
    EXPECT_EQ(record->expires_at_ms, expires_at_ms);
    EXPECT_EQ(record->id_key, id);
    EXPECT_EQ(record->payload, R"({"a":1})");
    EXPECT_EQ(parse_row_record(head)->payload, "");
    for (size_t length = 0; length < head.size(); ++length) {
      const auto cut = parse_row_record(std::string_view(head).substr(0, length));
      ASSERT_FALSE(cut.ok()) << length;
      EXPECT_EQ(cut.error().code, Code::kCorruption);
    }
    for (const size_t at : {0u, 1u, 5u}) {  // version, flags, high byte of the id's length
      std::string changed = value;
      changed[at] = '\x7f';
      EXPECT_FALSE(parse_row_record(changed).ok()) << at;
    }
  }
}

TEST(RowRecord, OneThatExpiresAtNoMomentIsRefused) {
  std::string value = encode_row_head(1, 1, number_id_key(7));
  value[6] = 0;
  EXPECT_FALSE(parse_row_record(value).ok()) << "0 is never, which has a version of its own";
  store_le(value.data() + 6, kExpiryMax + 1);
  EXPECT_FALSE(parse_row_record(value).ok());
}

TEST(ChangeEntry, ComesBackAndRefusesEveryTruncation) {
  const Change change{42, 1000, 3, 17, {5, 6, 999}, 77, 4};
  const std::string bytes = encode_change(change);
  const auto parsed = parse_change(42, bytes);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->next_row(), 1003u);
  EXPECT_EQ(parsed->points, 17u);
  EXPECT_EQ(parsed->expiring, 4u);
  EXPECT_EQ(parsed->stamp, 77u);
  EXPECT_EQ(parsed->removed, change.removed);
  for (size_t length = 0; length < bytes.size(); ++length)
    ASSERT_FALSE(parse_change(42, std::string_view(bytes).substr(0, length)).ok()) << length;
  EXPECT_FALSE(parse_change(42, bytes + "x").ok());
  const std::string too_many = encode_change({1, kNoRow - 1, 2, 0, {}});
  EXPECT_FALSE(parse_change(1, too_many).ok());
}

}  // namespace
}  // namespace kith
