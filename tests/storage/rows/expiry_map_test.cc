// Goal: ExpiryMap knows of every row when it expires and finds those that have, costs little, and comes back
// from a checkpoint. Method: random inserts and erases against std::map; every truncation and every changed
// byte of what save wrote.
#include "storage/rows/expiry_map.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"

namespace kith {
namespace {

std::vector<Row> sorted(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end());
  return rows;
}

TEST(ExpiryMap, MatchesAModelUnderRandomInsertsAndErases) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ExpiryMap map;
    std::map<Row, uint64_t> model;
    Row next = 0;
    for (int step = 0; step < 20'000; ++step) {
      if (random.below(5) < 3) {
        next += 1 + static_cast<Row>(random.below(random.below(50) == 0 ? 5000 : 3));
        model[next] = 1 + random.below(1000);
        map.insert(next, model[next]);
      } else if (!model.empty()) {
        auto victim = model.lower_bound(static_cast<Row>(random.below(next + 1)));
        if (victim == model.end()) --victim;
        map.erase(victim->first);
        model.erase(victim);
      }
      map.erase(next + 1);  // not there: nothing happens
      ASSERT_EQ(map.size(), model.size());
      if (step % 97 != 0) continue;
      const uint64_t now = random.below(1100);
      std::vector<Row> expired;
      for (const auto& [row, at_ms] : model) {
        ASSERT_EQ(map.expires_at(row), at_ms);
        ASSERT_EQ(map.expired(row, now), at_ms <= now);
        if (at_ms <= now) expired.push_back(row);
      }
      ASSERT_EQ(sorted(map.expired_rows(now)), expired);
      const auto some = map.expired_rows(now, 10);
      ASSERT_EQ(some.size(), std::min<size_t>(10, expired.size()));
      for (const Row row : some) ASSERT_TRUE(map.expired(row, now));
    }
    EXPECT_FALSE(map.expired(next + 2, UINT64_MAX));
    EXPECT_EQ(map.expires_at(kNoRow - 1), 0u);
  }
}

TEST(ExpiryMap, CostsNothingWhereNothingExpiresAndLittleElsewhere) {
  ExpiryMap map;
  EXPECT_EQ(map.memory_bytes(), 0u);
  map.insert(70'000, 5);
  EXPECT_LT(map.memory_bytes(), 16'384u);
  for (Row row = 100'000; row < 200'000; ++row) map.insert(row, 1'000'000 - row);
  EXPECT_LT(map.memory_bytes(), 100'000u * 32);
  // A cache whose points are written again before their time: what they leave behind does not pile up.
  for (Row row = 200'000; row < 2'000'000; ++row) {
    map.insert(row, 2'000'000 + row);
    map.erase(row - 100'000);
  }
  EXPECT_EQ(map.size(), 100'001u);
  EXPECT_LT(map.memory_bytes(), 100'000u * 64);
  EXPECT_EQ(map.expired_rows(5), std::vector<Row>{70'000});
}

/// A purge takes rows in any order, and asks again and again.
TEST(ExpiryMap, WhatWasPurgedIsNotWalkedAgain) {
  ExpiryMap map;
  for (Row row = 0; row < 200'000; ++row) map.insert(row, 1 + mix64(row) % 1000);
  for (int batches = 0; map.size() > 0; ++batches) {
    ASSERT_LE(batches, 200);
    for (const Row row : map.expired_rows(1000, 1000)) map.erase(row);
  }
}

TEST(ExpiryMap, ComesBackFromWhatItSavedAndFromNothingElse) {
  ExpiryMap map;
  for (Row row = 0; row < 3000; row += 7) map.insert(row, row + 1);
  map.insert(900'000, kExpiryMax);
  ByteWriter out;
  map.save(0, 1000, out);
  map.save(1000, 900'001, out);
  ExpiryMap back;
  ByteReader in(out.view());
  ASSERT_TRUE(back.restore(0, 1000, in).ok());
  ASSERT_TRUE(back.restore(1000, 900'001, in).ok());
  ASSERT_TRUE(in.finish().ok());
  EXPECT_EQ(back.size(), map.size());
  EXPECT_EQ(sorted(back.expired_rows(2000)), sorted(map.expired_rows(2000)));
  for (Row row = 0; row < 3000; ++row) ASSERT_EQ(back.expires_at(row), map.expires_at(row)) << row;

  ByteWriter small;
  map.save(0, 200, small);
  const std::vector<std::byte> good = small.take();
  for (size_t length = 0; length < good.size(); ++length) {
    ByteReader cut{std::span(good).first(length)};
    ASSERT_FALSE(ExpiryMap().restore(0, 200, cut).ok()) << length;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    std::vector<std::byte> changed = good;
    changed[at] ^= std::byte{0x10};
    ByteReader damaged(changed);
    const auto restored = ExpiryMap().restore(0, 200, damaged);
    ASSERT_FALSE(restored.ok()) << at;
    EXPECT_EQ(restored.error().code, Code::kCorruption);
  }
  ByteReader elsewhere(good);
  EXPECT_FALSE(ExpiryMap().restore(0, 100, elsewhere).ok()) << "rows past the end";
  ByteReader twice(good);
  EXPECT_FALSE(back.restore(0, 200, twice).ok()) << "rows that are there already";
}

}  // namespace
}  // namespace kith
