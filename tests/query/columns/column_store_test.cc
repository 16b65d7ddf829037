// Goal: what columns call certain satisfies the filter, what they leave out does not, and the rest is called
// unsure. Method: random payloads and filters against Matcher while rows come and go, before and after the
// columns were written and read; exactness where there is no reason for doubt; a writer beside readers.
#include "query/columns/column_store.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <thread>

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

TEST(ColumnStore, AgreesWithTheMatcherWhileRowsComeAndGo) {
  const uint64_t seed = test::test_seed();
  test::RandomFilters draw(seed);
  Random& random = draw.random();
  test::ModelledColumns columns;
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
  test::ModelledColumns columns;
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

TEST(ColumnStore, ForgetsWhatIsRemoved) {
  test::ModelledColumns columns;
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
