// Goal: numbers compare by value, exactly, whatever holds them. Method: all pairs of a list that stands in
// ascending order by arithmetic, dense around 0, 2^53, 2^63 and 2^64; normal forms and texts by hand.
#include "query/filter/number.h"

#include <gtest/gtest.h>

namespace kith {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr uint64_t kTop = std::numeric_limits<uint64_t>::max();

TEST(FilterNumber, ComparesEveryPairByValue) {
  // Each row is one value in the forms that it has.
  const std::vector<std::vector<FilterNumber>> ascending = {
      {-1e300},
      {std::nextafter(-0x1p63, -1e300)},
      {kMin, -0x1p63},
      {kMin + 1},
      {std::nextafter(-0x1p63, 0.0), kMin + 1024},
      {-int64_t{9007199254740993}},
      {-0x1p53, -int64_t{9007199254740992}},
      {-1.5},
      {int64_t{-1}, -1.0},
      {-5e-324},
      {int64_t{0}, uint64_t{0}, 0.0, -0.0},
      {5e-324},
      {int64_t{1}, uint64_t{1}, 1.0},
      {1.5},
      {int64_t{9007199254740992}, uint64_t{9007199254740992}, 0x1p53},
      {int64_t{9007199254740993}, uint64_t{9007199254740993}},
      {std::nextafter(0x1p63, 0.0), kMax - 1023},
      {kMax, static_cast<uint64_t>(kMax)},
      {uint64_t{1} << 63, 0x1p63},
      {(uint64_t{1} << 63) + 1},
      {std::nextafter(0x1p64, 0.0), kTop - 2047},
      {kTop},
      {0x1p64},
      {1e300},
  };
  for (size_t i = 0; i < ascending.size(); ++i)
    for (size_t j = 0; j < ascending.size(); ++j)
      for (const FilterNumber& a : ascending[i])
        for (const FilterNumber& b : ascending[j])
          EXPECT_TRUE(compare_numbers(a, b) == (i <=> j)) << to_text(a) << " and " << to_text(b);
}

TEST(FilterNumber, HasOneNormalForm) {
  EXPECT_EQ(normal_number(1.0), FilterNumber(int64_t{1}));
  EXPECT_EQ(normal_number(-0.0), FilterNumber(int64_t{0}));
  EXPECT_EQ(normal_number(uint64_t{7}), FilterNumber(int64_t{7}));
  EXPECT_EQ(normal_number(-0x1p63), FilterNumber(kMin));
  EXPECT_EQ(normal_number(0x1p63), FilterNumber(uint64_t{1} << 63));
  EXPECT_EQ(normal_number(0x1p64), FilterNumber(0x1p64));
  EXPECT_EQ(normal_number(0.5), FilterNumber(0.5));
  EXPECT_EQ(normal_number(kTop), FilterNumber(kTop));
}

TEST(FilterNumber, IsShownShortAndWhole) {
  EXPECT_EQ(to_text(FilterNumber(1e6)), "1000000");
  EXPECT_EQ(to_text(FilterNumber(0.1)), "0.1");
  EXPECT_EQ(to_text(FilterNumber(kTop)), "18446744073709551615");
  EXPECT_EQ(to_text(FilterNumber(1e300)), "1e+300");
}

}  // namespace
}  // namespace kith
