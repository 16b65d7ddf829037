// Goal: what columns call certain satisfies the filter, what they leave out does not, and the rest is called
// unsure. Method: random payloads and filters against Matcher while rows come and go, before and after the
// columns were written and read; payloads beyond each limit; exactness where there is no reason for doubt.
#include "query/columns/column_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "base/io/memory_file_system.h"
#include "query/columns/limits.h"
#include "query/filter/matches.h"
#include "query/filter/moment.h"
#include "query/filter/number.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/random_filter.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

struct Point {
  Id id;
  std::string payload;
};

/// A store and what it should know.
class Modelled {
 public:
  ColumnStore& store() { return *store_; }
  uint64_t size() const { return points_.size(); }

  void add(Row row, Id id, std::string payload) {
    store_->add(row, PayloadValues::of(payload).value());
    points_.emplace(row, Point{std::move(id), std::move(payload)});
  }
  void add(Row row, std::string payload) { add(row, uint64_t{row}, std::move(payload)); }
  void remove(Row row) {
    store_->remove(row);
    points_.erase(row);
  }
  void remove_one(Random& random) {
    if (points_.empty()) return;
    auto at = points_.lower_bound(static_cast<Row>(random.below(points_.rbegin()->first + uint64_t{1})));
    remove(at->first);
  }
  void add_all_again() {
    for (const auto& [row, point] : points_) store_->add(row, PayloadValues::of(point.payload).value());
  }
  void reopen() {
    MemoryFileSystem fs;
    test::CheckpointDirectory directory(fs);
    ASSERT_OK(directory.write_with([&](CheckpointOutput& out) { return store_->write(out); }));
    ASSERT_VALUE(opened, ColumnStore::open(directory));
    store_ = std::move(opened);
  }

  Selection select(const Filter& filter) const {
    return store_->select(filter, [&](const std::vector<Id>& ids) {
      RowSet rows;
      for (const auto& [row, point] : points_)
        if (std::find(ids.begin(), ids.end(), point.id) != ids.end()) rows.add(row);
      return rows;
    });
  }

  RowSet truth(const Filter& filter) const {
    const Matcher matcher(filter);
    RowSet rows;
    for (const auto& [row, point] : points_)
      if (matcher.matches(point.id, JsonTree::parse_payload(point.payload).value().root())) rows.add(row);
    return rows;
  }

  /// Fails unless the answer to `filter` is right; gives how much of it is unsure.
  void check(const Filter& filter, const std::string& told) const {
    const RowSet wanted = truth(filter);
    const Selection found = select(filter);
    RowSet wrong = found.certain;
    wrong.subtract(wanted);
    expect_none(wrong, told, "certain, but do not satisfy");
    RowSet missing = wanted;
    missing.subtract(found.certain);
    missing.subtract(found.unsure);
    expect_none(missing, told, "left out, but satisfy");
    RowSet both = found.certain;
    both.intersect(found.unsure);
    expect_none(both, told, "certain and unsure");
    const CountInterval count = store_->count(filter, [](const std::vector<Id>&) { return RowSet(); });
    ASSERT_LE(count.low, count.high) << told;
  }

  const std::map<Row, Point>& points() const { return points_; }

 private:
  void expect_none(const RowSet& rows, const std::string& told, const char* what) const {
    rows.for_each([&](Row row) {
      ADD_FAILURE() << told << ": " << rows.size() << " rows are " << what << ", such as row " << row << ": "
                    << points_.at(row).payload;
      return false;
    });
  }

  std::unique_ptr<ColumnStore> store_ = std::make_unique<ColumnStore>();
  std::map<Row, Point> points_;
};

Filter of(Filter::Node node) {
  return Filter{std::move(node)};
}
Filter is(const std::string& name, FilterScalar value) {
  return of(OneOf{{{name}}, {std::move(value)}});
}

TEST(ColumnStore, AgreesWithTheMatcherWhileRowsComeAndGo) {
  const uint64_t seed = test::test_seed();
  test::RandomFilters draw(seed);
  Random& random = draw.random();
  Modelled columns;
  Row next = 0;
  for (int round = 0; round < 12; ++round) {
    for (int i = 0; i < 60; ++i) {
      const uint64_t step = random.below(50) == 0 ? 40'000 : 1;
      next += static_cast<Row>(step);
      columns.add(next, draw.id(), draw.payload());
    }
    for (uint64_t i = random.below(80); i > 0; --i) columns.remove_one(random);
    if (round % 3 == 1) columns.reopen();
    if (round % 4 == 2) columns.add_all_again();
    ASSERT_EQ(columns.store().rows(), columns.size());
    for (int i = 0; i < 60; ++i) {
      const Filter filter = i % 2 == 0 ? draw.leaf() : draw.filter();
      columns.check(filter,
                    fmt::format("seed {}, round {}, filter {} ({})", seed, round, i, filter.node.index()));
      if (HasFailure()) return;
    }
  }
}

TEST(ColumnStore, IsExactWhereNothingStandsInTheWay) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  Modelled columns;
  const auto fill = [&](Row from, Row to) {
    for (Row row = from; row < to; ++row)
      columns.add(row, fmt::format(R"({{"class":"c{}","x":{},"n":{},"at":"2026-01-{:02}T0{}:00:00Z",)"
                                   R"("tags":["t{}","t{}"],"deep":{{"text":"one word{}"}}}})",
                                   random.below(30), static_cast<double>(random.below(9'000)) / 10,
                                   random.below(5), 1 + random.below(28), random.below(10), random.below(9),
                                   random.below(9), random.below(4)));
  };
  fill(0, 9'000);  // more than the tail of a page
  fill(70'000, 71'000);
  for (int i = 0; i < 1'000; ++i) columns.remove_one(random);
  const std::vector<Filter> leaves = {
      is("class", "c7"),
      of(OneOf{{{"class"}}, {std::string("c1"), std::string("c2"), true, FilterNumber(int64_t{3})}}),
      of(NumberRange{{{"x"}}, {{FilterNumber(100.5)}}, {{FilterNumber(int64_t{700}), false}}}),
      of(NumberRange{{{"x"}}, {}, {{FilterNumber(450.0)}}}),
      of(NumberRange{{{"x"}}, {{FilterNumber(899.9), false}}, {}}),
      is("n", FilterNumber(int64_t{4})),
      of(MomentRange{
          {{"at"}}, {{parse_moment("2026-01-05").value()}}, {{parse_moment("2026-01-20").value()}}}),
      of(ContainsAll{{{"tags"}}, {std::string("t1"), std::string("t2")}}),
      of(Prefix{{{"class"}}, "c1"}),
      of(MatchWords{{{"deep", "text"}}, "WORD2 one"}),
      of(IsEmpty{{{"nothing"}}}),
      of(Exists{{{"deep"}}}),
      of(IsNull{{{"x"}}}),
      of(HasId{{uint64_t{5}, uint64_t{70'500}, uint64_t{1} << 40}})};
  for (const bool reopened : {false, true}) {
    if (reopened) columns.reopen();
    for (int i = 0; i < 60; ++i) {
      const auto pick = [&] { return leaves[random.below(leaves.size())]; };
      Filter filter = pick();
      if (i >= static_cast<int>(leaves.size()))
        filter = of(AllOf{
            {of(NotOf{{pick()}}), of(AnyOf{{pick(), pick()}}), of(AtLeast{2, {pick(), pick(), pick()}})}});
      else
        filter = leaves[static_cast<size_t>(i)];
      const Selection found = columns.select(filter);
      ASSERT_TRUE(found.unsure.empty()) << "filter " << i;
      ASSERT_TRUE(found.certain == columns.truth(filter))
          << "seed " << seed << ", filter " << i << ": " << found.certain.size() << " rows";
    }
  }
}

TEST(ColumnStore, WholeNumbersBeyondDoublesAreNeverMistaken) {
  Modelled columns;
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

TEST(ColumnStore, DoublesOfEverySizeKeepTheirOrder) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  Modelled columns;
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

TEST(ColumnStore, PlacesAreUnsureOnlyNearTheBorder) {
  const uint64_t seed = test::test_seed();
  Random random(seed);
  Modelled columns;
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
    sums[told].first += found.certain.size();
    sums[told].second += found.unsure.size();
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
    EXPECT_GT(sums[told].first, 5 * sums[told].second) << told << ", seed " << seed;
  EXPECT_GT(sums["polygon"].first, sums["polygon"].second) << "seed " << seed;
}

TEST(ColumnStore, PayloadsBeyondTheLimitsAreUnsureNotWrong) {
  using namespace column_limits;
  Modelled columns;
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

TEST(ColumnStore, PathsBeyondTheLastColumnAreUnsure) {
  Modelled columns;
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
}

TEST(ColumnStore, StringsBeyondTheDictionaryAreFoundByTheirHash) {
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

TEST(ColumnStore, ForgetsWhatIsRemoved) {
  Modelled columns;
  const uint64_t empty = columns.store().memory_bytes();
  for (Row row = 0; row < 6'000; ++row)
    columns.add(row, fmt::format(R"({{"s":"some text that is rather long, number {}","n":{}}})", row, row));
  EXPECT_GT(columns.store().memory_bytes(), empty + 300'000);
  for (Row row = 0; row < 6'000; ++row) columns.remove(row);
  EXPECT_EQ(columns.store().rows(), 0u);
  EXPECT_LT(columns.store().dead(), column_limits::kSweepRowsMin);
  EXPECT_TRUE(columns.select(of(NotOf{{is("n", FilterNumber(int64_t{1}))}})).certain.empty());
  columns.store().clear();
  EXPECT_EQ(columns.store().dead(), 0u);
  EXPECT_EQ(columns.store().paths(), 0u);
  EXPECT_EQ(columns.store().memory_bytes(), empty);
}

TEST(ColumnStore, RefusesWhatIsNoPayloadAndMarksWhatCannotBeRead) {
  EXPECT_ERROR(PayloadValues::of("[1]"), Code::kInvalidArgument, "");
  EXPECT_ERROR(PayloadValues::of("{"), Code::kInvalidArgument, "");
  ColumnStore store;
  store.add(3, PayloadValues::unknown());
  store.add(4, PayloadValues::of(R"({"a":1})").value());
  const ResolveIds none = [](const std::vector<Id>&) { return RowSet(); };
  for (const Filter& filter : {is("a", "x"), of(NotOf{{is("a", "x")}}), of(IsEmpty{{{"b"}}})})
    EXPECT_TRUE(store.select(filter, none).unsure == RowSet::of(std::vector<Row>{3}));
}

bool all_even(const RowSet& rows) {
  bool all = true;
  rows.for_each([&](Row row) { return all = row % 2 == 0; });
  return all;
}

TEST(ColumnStore, AnswersWhileRowsComeAndGoAndAreWritten) {
  ColumnStore store;
  const Filter even = is("even", true);
  const ResolveIds none = [](const std::vector<Id>&) { return RowSet(); };
  constexpr Row kRows = 12'000;
  std::jthread writer([&] {
    for (Row row = 0; row < kRows; ++row) {
      store.add(row,
                PayloadValues::of(fmt::format(R"({{"even":{},"s":"s{}"}})", row % 2 == 0, row % 50)).value());
      if (row >= 100) store.remove(row - 100);
    }
  });
  MemoryFileSystem fs;
  test::CheckpointDirectory directory(fs);
  for (int i = 0; i < 20; ++i) {
    const Selection found = store.select(even, none);
    ASSERT_TRUE(found.unsure.empty());
    ASSERT_LE(found.certain.size(), 51u);
    ASSERT_TRUE(all_even(found.certain));
    ASSERT_OK(directory.write_with([&](CheckpointOutput& out) { return store.write(out); }));
    ASSERT_VALUE(opened, ColumnStore::open(directory));
    ASSERT_LE(opened->rows(), 101u);
    ASSERT_TRUE(all_even(opened->select(even, none).certain));
  }
}

}  // namespace
}  // namespace kith
