// Goal: IdMap finds exactly what lives in it. Method: random inserts and erases of all kinds of ids against
// std::map, with few distinct ids so that erasing shifts crowded runs; text churn so that the arena is
// packed.
#include "storage/rows/id_map.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "base/random.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

std::string random_id(Random& random, uint64_t distinct) {
  const uint64_t pick = random.below(distinct);
  switch (pick % 3) {
    case 0:
      return number_id_key(pick);
    case 1: {
      std::array<uint8_t, kUuidBytes> uuid{};
      for (size_t i = 0; i < uuid.size(); ++i) uuid[i] = static_cast<uint8_t>(mix64(pick + i));
      return uuid_id_key(uuid);
    }
    default:
      return text_id_key(std::to_string(pick) + std::string(pick % 1000, 't'));
  }
}

TEST(IdMap, MatchesAModelUnderRandomInsertsAndErases) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    IdMap map(seed);
    std::map<std::string, Row> model;
    Row next = 0;
    for (int step = 0; step < 200'000; ++step) {
      const std::string id = random_id(random, 3000);
      const auto known = model.find(id);
      ASSERT_EQ(map.find(id), known == model.end() ? kNoRow : known->second) << "step " << step;
      if (known == model.end()) {
        map.insert(id, next);
        model[id] = next++;
        ASSERT_EQ(map.id_key(next - 1), id);
      } else {
        map.erase(known->second);
        ASSERT_FALSE(map.live(known->second));
        ASSERT_EQ(map.id_key(known->second), "");
        model.erase(known);
      }
      ASSERT_EQ(map.size(), model.size());
    }
    for (const auto& [id, row] : model) {
      ASSERT_EQ(map.find(id), row);
      ASSERT_EQ(map.id_key(row), id);
    }
    EXPECT_EQ(map.rows_end(), next);
  }
}

TEST(IdMap, RowsMayHaveGapsAndBeFarAway) {
  IdMap map(7);
  map.insert(number_id_key(1), 5);
  map.insert(number_id_key(2), 200'000);
  EXPECT_FALSE(map.live(0));
  EXPECT_FALSE(map.live(199'999));
  EXPECT_FALSE(map.live(kNoRow));
  EXPECT_EQ(map.find(number_id_key(2)), 200'000u);
  EXPECT_EQ(map.rows_end(), 200'001u);
}

TEST(IdMap, SmallMapsAreSmallAndBigOnesCompact) {
  IdMap map(7);
  map.insert(number_id_key(1), 0);
  EXPECT_LT(map.memory_bytes(), 4096u) << "thousands of small collections must be cheap";
  for (Row row = 1; row < 300'000; ++row) map.insert(number_id_key(row * 977), row);
  EXPECT_LT(map.memory_bytes(), 300'000u * 32) << map.memory_bytes() / 300'000.0 << " bytes per id";
}

TEST(IdMap, TheArenaOfTextIsPackedWhenMostOfItIsDead) {
  IdMap map(7);
  const std::string kept = text_id_key("kept");
  map.insert(kept, 0);
  for (Row row = 1; row < 20'000; ++row) {
    const std::string id = text_id_key(std::string(900, 'x') + std::to_string(row));
    map.insert(id, row);
    map.erase(row);
  }
  EXPECT_LT(map.memory_bytes(), 2u << 20);
  EXPECT_EQ(map.find(kept), 0u);
  EXPECT_EQ(map.id_key(0), kept);
}

/// Ids move to new rows all the time, but for a few that stay where they were among the first.
class MovingIds : public testing::Test {
 protected:
  static constexpr uint64_t kIds = 10'000;
  void SetUp() override {
    for (; next_ < kIds; ++next_) {
      map_.insert(id(next_), next_);
      rows_.push_back(next_);
    }
    while (next_ < 1'000'000) {
      const uint64_t moving = random_.below(kIds);
      if (moving % 100 == 0) continue;
      map_.erase(rows_[moving]);
      map_.insert(id(moving), next_);
      rows_[moving] = next_++;
    }
  }
  static std::string id(uint64_t number) {
    return number % 2 == 0 ? number_id_key(number) : text_id_key("id " + std::to_string(number));
  }
  void expect_all(const IdMap& map) const {
    ASSERT_EQ(map.size(), kIds);
    for (uint64_t number = 0; number < kIds; ++number) {
      ASSERT_EQ(map.find(id(number)), rows_[number]);
      ASSERT_EQ(map.id_key(rows_[number]), id(number));
    }
    std::vector<Row> live, sorted = rows_;
    map.for_each_live(0, kNoRow, [&](Row row) { live.push_back(row); });
    std::sort(sorted.begin(), sorted.end());
    EXPECT_EQ(live, sorted);
    live.clear();
    const Row first = sorted[kIds / 10] + 1, end = sorted[kIds / 2];
    map.for_each_live(first, end, [&](Row row) { live.push_back(row); });
    EXPECT_TRUE(std::ranges::equal(live, std::span(sorted).subspan(kIds / 10 + 1, kIds / 2 - kIds / 10 - 1)));
  }

  Random random_{3};
  IdMap map_{7};
  std::vector<Row> rows_;  // by number
  Row next_ = 0;
};

TEST_F(MovingIds, TakeMemoryForThoseThatLiveHoweverManyRowsWere) {
  expect_all(map_);
  // Of a million rows at 17 bytes; the last extent holds those that are gone as well.
  EXPECT_LT(map_.memory_bytes(), kIds * 100 + 2 * IdMap::kExtentRows * 17) << map_.memory_bytes();
  for (uint64_t number = 10; number < kIds; ++number) map_.erase(rows_[number]);
  EXPECT_LT(map_.memory_bytes(), 2 * IdMap::kExtentRows * 17);
  for (uint64_t number = 0; number < 10; ++number) EXPECT_EQ(map_.find(id(number)), rows_[number]);
  // What was packed takes rows again.
  for (Row row = 500; row < 900; row += 2) {
    if (map_.live(row)) continue;
    map_.insert(id(1'000'000 + row), row);
    EXPECT_EQ(map_.find(id(1'000'000 + row)), row);
  }
  for (uint64_t number = 0; number < 10; ++number) EXPECT_EQ(map_.find(id(number)), rows_[number]);
}

TEST_F(MovingIds, ComeBackFromTheirExtents) {
  ByteWriter out;
  for (uint32_t extent = 0; extent * IdMap::kExtentRows < next_; ++extent) map_.save(extent, next_, out);
  IdMap back(8);
  ByteReader in(out.view());
  while (in.left() > 0) ASSERT_OK(back.restore(in));
  ASSERT_OK(back.index());
  expect_all(back);
  EXPECT_LE(back.memory_bytes(), map_.memory_bytes());
  back.insert(id(kIds), next_);
  EXPECT_EQ(back.find(id(kIds)), next_);
}

TEST_F(MovingIds, AreDrawnOneAsLikelyAsAnother) {
  std::vector<uint64_t> drawn(10);
  std::vector<Row> sorted = rows_;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 20'000; ++i) {
    const Row row = map_.random_live(random_);
    ASSERT_TRUE(map_.live(row));
    ++drawn[static_cast<size_t>(std::ranges::lower_bound(sorted, row) - sorted.begin()) * 10 / kIds];
  }
  for (const uint64_t count : drawn) EXPECT_NEAR(static_cast<double>(count), 2'000, 250);
}

}  // namespace
}  // namespace kith
