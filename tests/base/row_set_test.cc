// Goal: RowSet is a set, and parse accepts exactly what serialize writes. Method: random operations against
// std::set; bytes cut, flipped and forged: what parses must be a consistent set, whatever the library does
// inside.
#include "base/row_set.h"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/random.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

std::vector<Row> rows_of(const RowSet& set) {
  std::vector<Row> rows;
  set.for_each([&](Row row) {
    rows.push_back(row);
    return true;
  });
  return rows;
}

/// Rows of all container kinds: sparse, dense, runs, and the last row there is.
RowSet mixed_set(uint64_t seed) {
  Random random(seed);
  RowSet set = RowSet::range(200'000, 260'000);
  for (int i = 0; i < 500; ++i) set.add(static_cast<Row>(random.below(UINT32_MAX)));
  for (int i = 0; i < 20'000; ++i) set.add(static_cast<Row>(random.below(65'536)));
  set.add(kNoRow);
  return set;
}

TEST(RowSet, BehavesAsASet) {
  const uint64_t seed = 11;
  Random random(seed);
  RowSet set;
  std::set<Row> model;
  for (int i = 0; i < 50'000; ++i) {
    const auto row = static_cast<Row>(random.below(3'000) * (i % 3 == 0 ? 65'521 : 1));
    if (random.below(3) == 0) {
      set.remove(row);
      model.erase(row);
    } else {
      set.add(row);
      model.insert(row);
    }
    ASSERT_EQ(set.contains(row), model.contains(row)) << "seed " << seed;
  }
  EXPECT_EQ(set.size(), model.size());
  EXPECT_EQ(rows_of(set), std::vector<Row>(model.begin(), model.end()));
  EXPECT_EQ(set, RowSet::of(std::vector<Row>(model.begin(), model.end())));
}

TEST(RowSet, RangesAndAlgebra) {
  EXPECT_TRUE(RowSet::range(5, 5).empty());
  EXPECT_TRUE(RowSet::range(5, 3).empty());
  EXPECT_EQ(RowSet::range(0, uint64_t{1} << 32).size(), uint64_t{1} << 32);
  RowSet a = RowSet::range(0, 100), b = RowSet::range(50, 150);
  RowSet both = a, either = a, only = a;
  both.intersect(b);
  either.unite(b);
  only.subtract(b);
  EXPECT_EQ(both, RowSet::range(50, 100));
  EXPECT_EQ(either, RowSet::range(0, 150));
  EXPECT_EQ(only, RowSet::range(0, 50));
  const RowSet& self = a;
  a.unite(self);
  a.intersect(self);
  EXPECT_EQ(a, RowSet::range(0, 100));
  a.subtract(self);
  EXPECT_TRUE(a.empty());
}

TEST(RowSet, CopiesAndMovesLeaveUsableSets) {
  RowSet a = RowSet::range(0, 10);
  RowSet copy = a;
  copy.add(99);
  EXPECT_FALSE(a.contains(99));
  RowSet moved = std::move(copy);
  EXPECT_TRUE(moved.contains(99));
  copy.add(1);
  EXPECT_EQ(copy.size(), 1u);
  const RowSet& self = a;
  a = self;
  EXPECT_EQ(a.size(), 10u);
}

TEST(RowSet, VisitsInOrderUntilToldToStop) {
  const RowSet set = RowSet::range(10, 1'000'000);
  Row last = 0;
  int visits = 0;
  set.for_each([&](Row row) {
    EXPECT_TRUE(visits == 0 || row > last);
    last = row;
    return ++visits < 5;
  });
  EXPECT_EQ(visits, 5);
  EXPECT_EQ(last, 14u);
}

TEST(RowSet, BuiltFromPagesIsTheSetOfTheirRows) {
  const uint64_t seed = 13;
  Random random(seed);
  for (int round = 0; round < 20; ++round) {
    RowSetBuilder builder;
    RowSet model;
    for (uint32_t page = 0; page <= 0xffff; page += 1 + static_cast<uint32_t>(random.below(20'000))) {
      const uint64_t rows = random.below(3) == 0 ? random.below(40'000) : random.below(6'000);
      RowSetBuilder::PageBits bits{};
      std::vector<uint16_t> lows;
      for (uint64_t i = 0; i < rows; ++i) {
        const uint64_t low = random.below(65'536);
        bits[low / 64] |= uint64_t{1} << (low % 64);
        model.add(page * 65'536 + static_cast<Row>(low));
      }
      for (size_t low = 0; low < 65'536; ++low)
        if ((bits[low / 64] >> (low % 64) & 1) != 0) lows.push_back(static_cast<uint16_t>(low));
      if (random.below(2) == 0)
        builder.add(static_cast<uint16_t>(page), bits);
      else
        builder.add(static_cast<uint16_t>(page), lows);
    }
    const RowSet built = builder.finish();
    ASSERT_EQ(built.size(), model.size()) << "seed " << seed;
    ASSERT_TRUE(built == model) << "seed " << seed;
    ASSERT_VALUE(parsed, RowSet::parse(built.serialize()));
    ASSERT_TRUE(parsed == model);
  }
  EXPECT_TRUE(RowSetBuilder().finish().empty());
}

TEST(RowSet, CompressedIsTheSameSetInLessMemory) {
  RowSet set;
  for (Row row = 0; row < 300'000; ++row) set.add(row);
  RowSet before = set;
  set.compress();
  EXPECT_TRUE(set == before);
  EXPECT_LT(set.memory_bytes() * 10, before.memory_bytes());
  set.add(400'000);
  set.remove(7);
  EXPECT_EQ(set.size(), 300'000u);
}

TEST(RowSet, SerializedSetsParse) {
  for (const uint64_t seed : {1, 2, 3}) {
    const RowSet set = mixed_set(seed);
    ASSERT_VALUE(back, RowSet::parse(set.serialize()));
    EXPECT_EQ(back, set) << "seed " << seed;
  }
  ASSERT_VALUE(empty, RowSet::parse(RowSet().serialize()));
  EXPECT_TRUE(empty.empty());
  ASSERT_VALUE(all, RowSet::parse(RowSet::range(0, uint64_t{1} << 32).serialize()));
  EXPECT_EQ(all.size(), uint64_t{1} << 32);
}

TEST(RowSet, EqualSetsGiveEqualBytes) {
  RowSet one_by_one, shrunk = RowSet::range(0, 300'000), from_list;
  std::vector<Row> rows;
  Random random(6);
  for (Row row = 0; row < 300'000; ++row) {
    const bool wanted =
        row < 70'000 || (row < 140'000 && random.below(20) == 0) || (row > 200'000 && row % 2 == 0);
    if (wanted) {
      one_by_one.add(row);
      rows.push_back(row);
    } else {
      shrunk.remove(row);
    }
  }
  from_list = RowSet::of(rows);
  EXPECT_EQ(one_by_one.serialize(), shrunk.serialize());
  EXPECT_EQ(one_by_one.serialize(), from_list.serialize());
}

TEST(RowSet, EveryTruncationAndAppendixIsCorruption) {
  const auto bytes = mixed_set(4).serialize();
  for (size_t length = 0; length < bytes.size(); length += length < 3'000 ? 1 : 997)
    ASSERT_TRUE(test::is_error(RowSet::parse(std::span(bytes).first(length)), Code::kCorruption)) << length;
  auto longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_ERROR(RowSet::parse(longer), Code::kCorruption, "1 unexpected bytes");
}

TEST(RowSet, ForgedContentsAreCorruption) {
  // One array container of key 0 with rows 1, 3, 5: cookie, count, (key, rows - 1), offset, rows.
  auto bytes = RowSet::of(std::vector<Row>{1, 3, 5}).serialize();
  ASSERT_EQ(bytes.size(), 22u);
  auto forged = [&](size_t offset, uint16_t value) {
    auto copy = bytes;
    store_le(copy.data() + offset, value);
    return RowSet::parse(copy);
  };
  EXPECT_ERROR(forged(0, 7), Code::kCorruption, "cookie");
  EXPECT_ERROR(forged(4, 2), Code::kCorruption, "row set");
  EXPECT_ERROR(forged(10, 3), Code::kCorruption, "row set");
  EXPECT_ERROR(forged(12, 99), Code::kCorruption, "offset of container 0 is 99");
  EXPECT_ERROR(forged(18, 1), Code::kCorruption, "not ascending at its row 1");
  auto many = bytes;
  store_le(many.data() + 4, uint32_t{65'537});
  EXPECT_ERROR(RowSet::parse(many), Code::kCorruption, "65537 containers");
}

TEST(RowSet, WhatParsesFromDamagedBytesIsConsistent) {
  const uint64_t seed = 12;
  Random random(seed);
  const auto bytes = mixed_set(5).serialize();
  int parsed = 0, refused = 0;
  for (int i = 0; i < 3'000; ++i) {
    auto damaged = bytes;
    const size_t where = i % 2 == 0 ? random.below(200) : random.below(bytes.size());
    damaged[where] ^= static_cast<std::byte>(1u << random.below(8));
    Result<RowSet> result = RowSet::parse(damaged);
    result.ok() ? ++parsed : ++refused;
    if (!result.ok()) continue;
    if (parsed % 10 == 0) {
      ASSERT_EQ(rows_of(*result).size(), result->size()) << "seed " << seed << " round " << i;
    }
    ASSERT_LE(result->serialize().size(), bytes.size());
  }
  EXPECT_GT(refused, 1'000) << "seed " << seed;
}

}  // namespace
}  // namespace kith
