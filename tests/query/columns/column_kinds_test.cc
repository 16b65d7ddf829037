// Goal: each kind of value is as exact as it can be, and what is beyond a limit is unsure, not wrong. Method:
// numbers around 2^60 and of all sizes, places everywhere and crowded, payloads, paths and strings beyond
// their limits, against Matcher.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "query/columns/limits.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "tests/query/columns/modelled_columns.h"
#include "tests/support/random_filter.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using test::is;
using test::of;

TEST(ColumnKinds, WholeNumbersBeyondDoublesAreNeverMistaken) {
  test::ModelledColumns columns;
  const uint64_t base = uint64_t{1} << 60;
  for (uint32_t i = 0; i < 600; ++i) columns.add(i, fmt::format(R"({{"n":{}}})", base + i));
  for (const uint64_t n : {base, base + 1, base + 128, base + 511, base + 599, base + 700}) {
    columns.check(is("n", FilterNumber(n)), "equal");
    for (const bool inclusive : {false, true}) {
      columns.check(of(NumberRange{{{"n"}}, {{FilterNumber(n), inclusive}}, {}}), "low");
      columns.check(of(NumberRange{{{"n"}}, {}, {{FilterNumber(n), inclusive}}}), "high");
      columns.check(
          of(NotOf{{of(NumberRange{{{"n"}}, {{FilterNumber(n), inclusive}}, {{FilterNumber(n)}}})}}), "not");
    }
  }
  const Selection one = columns.select(is("n", FilterNumber(base + 300)));
  EXPECT_LE(one.unsure.size(), 300u);  // those that round alike
}

TEST(ColumnKinds, DoublesOfEverySizeKeepTheirOrder) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  test::ModelledColumns columns;
  std::vector<FilterNumber> numbers;
  for (Row row = 0; row < 400; ++row) {
    double x = std::ldexp(random.normal(), static_cast<int>(random.below(2'000)) - 1'000);
    if (row % 5 == 0) x = std::round(random.normal() * 3);
    numbers.emplace_back(x);
    columns.add(row, fmt::format(R"({{"x":{}}})", to_text(numbers.back())));
  }
  for (int i = 0; i < 200; ++i) {
    const auto pick = [&] { return numbers[random.below(numbers.size())]; };
    const Filter filter = of(NumberRange{{{"x"}}, {{pick(), i % 2 == 0}}, {{pick(), i % 3 == 0}}});
    const Selection found = columns.select(filter);
    ASSERT_TRUE(found.certain == columns.truth(filter)) << "seed " << seed << " round " << i;
    ASSERT_TRUE(found.unsure.empty());
  }
}

TEST(ColumnKinds, PlacesAreUnsureOnlyNearTheBorder) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  test::ModelledColumns columns;
  for (Row row = 0; row < 3'000; ++row) {
    const double spread = row % 2 == 0 ? 1 : 0.01;  // everywhere, and around one place
    const double lat = spread == 1 ? random.uniform() * 180 - 90 : 48.2 + random.normal() * spread;
    const double lon = spread == 1 ? random.uniform() * 360 - 180 : 16.37 + random.normal() * spread;
    columns.add(row, fmt::format(R"({{"at":[{{"lat":{},"lon":{}}}]}})", lat, lon));
  }
  columns.add(3'000, R"({"at":{"lat":90,"lon":180}})");
  columns.add(3'001, R"({"at":{"lat":-90,"lon":-180}})");
  std::map<std::string, std::pair<uint64_t, uint64_t>> sums;  // certain and unsure rows by shape
  const auto check = [&](const Filter& filter, const std::string& told) {
    columns.check(filter, fmt::format("seed {}, {}", seed, told));
    columns.check(of(NotOf{{filter}}), fmt::format("seed {}, not {}", seed, told));
    const Selection found = columns.select(filter);
    // The crowded place is one cell to large shapes: it is counted for the small ones only.
    const auto count = [&](const RowSet& rows) {
      uint64_t counted = 0;
      rows.for_each([&](Row row) {
        counted += row % 2 == 0 || told == "small circle" ? 1 : 0;
        return true;
      });
      return counted;
    };
    sums[told].first += count(found.certain);
    sums[told].second += count(found.unsure);
  };
  for (int i = 0; i < 30; ++i) {
    const GeoPoint a = {random.uniform() * 180 - 90, random.uniform() * 360 - 180};
    const GeoPoint b = {random.uniform() * 180 - 90, random.uniform() * 360 - 180};
    check(of(GeoRadius{{{"at"}}, a, random.uniform() * 1.5e7}), "circle");
    check(of(GeoRadius{{{"at"}}, {48.2, 16.37}, random.uniform() * 3'000}), "small circle");
    check(of(GeoBox{{{"at"}}, {std::min(a.lat, b.lat), a.lon}, {std::max(a.lat, b.lat), b.lon}}), "box");
    std::vector<GeoPoint> ring;
    for (uint64_t corner = 3 + random.below(6); corner > 0; --corner)
      ring.push_back({random.uniform() * 180 - 90, random.uniform() * 360 - 180});
    check(of(GeoPolygon{{{"at"}}, ring}), "polygon");
  }
  check(of(GeoBox{{{"at"}}, {-90, -180}, {90, 180}}), "everything");
  check(of(GeoBox{{{"at"}}, {90, 180}, {90, 180}}), "a corner");
  check(of(GeoBox{{{"at"}}, {0, 170}, {90, -170}}), "across the antimeridian");
  for (const char* told : {"circle", "small circle", "box", "everything"})
    EXPECT_GT(sums[told].first, 4 * sums[told].second) << told << ", seed " << seed;
  EXPECT_GT(2 * sums["polygon"].first, sums["polygon"].second) << "seed " << seed;
}

TEST(ColumnKinds, PayloadsBeyondTheLimitsAreUnsureNotWrong) {
  using namespace column_limits;
  test::ModelledColumns columns;
  Row row = 0;
  std::string list = "[0";
  for (size_t i = 1; i <= kRowValuesMax; ++i) list += fmt::format(",{}", i);
  columns.add(row++, fmt::format(R"({{"a":{}]}})", list));
  std::string words = "w0";
  for (size_t i = 1; i <= kRowWordsMax; ++i) words += fmt::format(" w{}", i);
  columns.add(row++, fmt::format(R"({{"a":"{}"}})", words));
  columns.add(row++, fmt::format(R"({{"a":"{}"}})", std::string(kStringBytesMax + 1, 'x')));
  columns.add(row++, fmt::format(R"({{"{}":1}})", std::string(kPathBytesMax, 'p')));
  std::string deep = "1";
  std::vector<std::string> names;
  for (size_t i = 0; i <= kPathNamesMax; ++i) {
    deep = fmt::format(R"({{"d":{}}})", deep);
    names.emplace_back("d");
  }
  columns.add(row++, deep);
  columns.add(row++, R"({"a":"x"})");
  const std::vector<Filter> filters = {is("a", FilterNumber(int64_t{4'000})),
                                       is("a", std::string(kStringBytesMax + 1, 'x')),
                                       is("a", std::string(kStringBytesMax + 1, 'y')),
                                       is("a", "x"),
                                       is(std::string(kPathBytesMax, 'p'), FilterNumber(int64_t{1})),
                                       of(OneOf{{names}, {FilterNumber(int64_t{1})}}),
                                       of(Prefix{{{"a"}}, "xx"}),
                                       of(MatchWords{{{"a"}}, fmt::format("w3 w{}", kRowWordsMax)}),
                                       of(MatchWords{{{"a"}}, std::string(kStringBytesMax + 1, 'x')}),
                                       of(Exists{{names}}),
                                       of(IsEmpty{{names}}),
                                       of(IsEmpty{{{"a"}}})};
  for (const bool reopened : {false, true}) {
    if (reopened) columns.reopen();
    for (size_t i = 0; i < filters.size(); ++i) {
      columns.check(filters[i], fmt::format("filter {}", i));
      columns.check(of(NotOf{{filters[i]}}), fmt::format("not filter {}", i));
    }
  }
}

TEST(ColumnKinds, PayloadsWhosePathsTakeTooMuchAreUnsure) {
  test::ModelledColumns columns;
  std::string members;
  for (int i = 0; i < 1'000; ++i) members += fmt::format("{}\"a{}\":{}", i == 0 ? "" : ",", i, i);
  columns.add(Row{0}, fmt::format(R"({{"{}":{{{}}},"n":1}})", std::string(400, 'x'), members));
  columns.add(Row{1}, R"({"n":1})");
  columns.check(is("n", FilterNumber(int64_t{1})), "n");
  const Selection found = columns.select(is("n", FilterNumber(int64_t{1})));
  EXPECT_TRUE(found.certain == RowSet::of(std::vector<Row>{1}));
  EXPECT_TRUE(found.unsure == RowSet::of(std::vector<Row>{0}));
}

TEST(ColumnKinds, PathsBeyondTheLastColumnAreUnsure) {
  test::ModelledColumns columns;
  for (Row row = 0; row < column_limits::kPathsMax + 10; ++row)
    columns.add(row, fmt::format(R"({{"p{}":{}}})", row, row));
  EXPECT_EQ(columns.store().paths(), column_limits::kPathsMax);
  for (const size_t p : {size_t{0}, column_limits::kPathsMax - 1, column_limits::kPathsMax,
                         column_limits::kPathsMax + 9, column_limits::kPathsMax + 10}) {
    const std::string name = fmt::format("p{}", p);
    columns.check(is(name, FilterNumber(static_cast<int64_t>(p))), name);
    columns.check(of(NotOf{{of(Exists{{{name}}})}}), name);
  }
  EXPECT_EQ(columns.select(of(Exists{{{"p0"}}})).certain.size(), 1u);
  EXPECT_EQ(columns.select(of(Exists{{{"other"}}})).unsure.size(), 10u);

  // Columns without rows make no room for a path that some row has without a column.
  for (Row row = 0; row < 100; ++row) columns.remove(row);
  columns.store().sweep();
  const std::string late = fmt::format("p{}", column_limits::kPathsMax + 3);
  columns.add(column_limits::kPathsMax + 10, fmt::format(R"({{"{}":7}})", late));
  for (const int64_t value : {int64_t{column_limits::kPathsMax + 3}, int64_t{7}}) {
    columns.check(is(late, FilterNumber(value)), late);
    columns.check(of(NotOf{{is(late, FilterNumber(value))}}), late);
  }
  columns.check(of(IsEmpty{{{late}}}), late);
}

TEST(ColumnKinds, StringsBeyondTheDictionaryAreFoundByTheirHash) {
  constexpr Row kRows = column_limits::kStringsMax + 2'000;
  ColumnStore store;
  for (Row row = 0; row < kRows; ++row)
    store.add(row, PayloadValues::of(fmt::format(R"({{"s":"id{:06}"}})", row)).value());
  const ResolveIds none = [](const std::vector<Id>&) { return RowSet(); };
  const auto ask = [&](Row row) { return store.select(is("s", fmt::format("id{:06}", row)), none); };
  EXPECT_TRUE(ask(77).certain == RowSet::of(std::vector<Row>{77}));
  EXPECT_TRUE(ask(77).unsure.empty());
  EXPECT_TRUE(ask(kRows - 5).unsure == RowSet::of(std::vector<Row>{kRows - 5}));
  const Selection prefix = store.select(of(Prefix{{{"s"}}, "id00001"}), none);
  EXPECT_TRUE(prefix.certain == RowSet::range(10, 20));
  EXPECT_EQ(prefix.unsure.size(), 2'000u);

  // Swept out, they make room; what was known by its hash is found besides what has a code now.
  const uint64_t before = store.memory_bytes();
  for (Row row = 0; row < kRows - 2'000; ++row) store.remove(row);
  EXPECT_LT(store.dead(), kRows / 2);
  EXPECT_LT(store.memory_bytes(), before / 2);
  store.add(kRows, PayloadValues::of(fmt::format(R"({{"s":"id{:06}"}})", kRows - 5)).value());
  const Selection again = ask(kRows - 5);
  RowSet all = again.certain;
  all.unite(again.unsure);
  EXPECT_TRUE(all == RowSet::of(std::vector<Row>{kRows - 5, kRows}));
}

}  // namespace
}  // namespace kith
