// Goal: RowBits answers as the set that it was made of, and spread picks what it says. Method: random sets of
// every kind of container (few rows, many, runs) against RowSet::contains.
#include "base/row_bits.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

RowSet random_set(Random& random) {
  RowSet set;
  for (Row container = 0; container < 3; ++container) {
    const Row first = container * 65'536;
    switch (random.below(4)) {
      case 0:  // an array
        for (int i = 0; i < 300; ++i) set.add(first + static_cast<Row>(random.below(65'536)));
        break;
      case 1:  // bits
        for (int i = 0; i < 9'000; ++i) set.add(first + static_cast<Row>(random.below(65'536)));
        break;
      case 2: {  // a run
        const Row begin = first + static_cast<Row>(random.below(60'000));
        set.unite(RowSet::range(begin, begin + 1 + random.below(5'000)));
        break;
      }
      default:
        break;
    }
  }
  return set;
}

TEST(RowBits, AnswersAsTheSet) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  RowBits bits;  // one for all, as in use
  for (int round = 0; round < 40; ++round) {
    RowSet set = random_set(random);
    if (round % 5 == 0) {  // runs of all kinds, as a set that was stored has them
      auto parsed = RowSet::parse(set.serialize());
      ASSERT_TRUE(parsed.ok());
      set = std::move(parsed).value();
    }
    bits.assign(set);
    for (Row row = 0; row < 200'000; row += 1 + static_cast<Row>(random.below(3)))
      ASSERT_EQ(bits.contains(row), set.contains(row)) << "row " << row;
    ASSERT_FALSE(bits.contains(kNoRow));
  }
}

TEST(RowBits, TakeRoomWhereRowsAre) {
  RowSet set;
  EXPECT_FALSE(RowBits(set).contains(0));
  set.add(0);
  set.add(kNoRow - 1);
  EXPECT_EQ(set.blocks(), (std::vector<uint32_t>{0, 65'535}));
  EXPECT_EQ(set.block_count(), 2u);
  const RowBits bits(set);
  EXPECT_TRUE(bits.contains(0));
  EXPECT_FALSE(bits.contains(1));
  EXPECT_FALSE(bits.contains(7 * RowSet::kBlockRows)) << "in no block";
  EXPECT_TRUE(bits.contains(kNoRow - 1));
  EXPECT_FALSE(bits.contains(kNoRow - 2));
}

TEST(RowSetSpread, PicksRowsAllOverTheSet) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int round = 0; round < 50; ++round) {
    const RowSet set = random_set(random);
    const size_t count = random.below(100);
    const std::vector<Row> rows = set.spread(count);
    ASSERT_EQ(rows.size(), std::min<uint64_t>(count, set.size()));
    for (size_t i = 0; i < rows.size(); ++i) {
      ASSERT_TRUE(set.contains(rows[i]));
      ASSERT_TRUE(i == 0 || rows[i - 1] < rows[i]);
    }
  }
  EXPECT_EQ(RowSet::range(100, 200).spread(2), (std::vector<Row>{125, 175}));
}

}  // namespace
}  // namespace kith
