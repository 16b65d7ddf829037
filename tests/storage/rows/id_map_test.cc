// Goal: IdMap finds exactly what lives in it. Method: random inserts and erases of all kinds of ids against
// std::map, with few distinct ids so that erasing shifts crowded runs; text churn so that the arena is
// packed.
#include "storage/rows/id_map.h"

#include <gtest/gtest.h>

#include <array>
#include <map>

#include "base/random.h"

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

}  // namespace
}  // namespace kith
