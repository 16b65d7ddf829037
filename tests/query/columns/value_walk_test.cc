// Goal: a walk over postings visits every key within its range in order, and every row of it once, whatever
// is in pages and what in their tails. Method: random postings over several pages, some added again, against
// a map.
#include "query/columns/value_walk.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/random.h"
#include "query/columns/dictionary.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

constexpr uint64_t kRows = 3 * RowSetBuilder::kPageRows + 1'000;

TEST(ValueWalk, VisitsWhatAMapHolds) {
  Random random(test::test_seed());
  Postings postings;
  std::map<uint64_t, std::set<Row>> model;
  for (int i = 0; i < 30'000; ++i) {
    const auto row = static_cast<Row>(random.below(kRows));
    const uint64_t key = random.below(4) == 0 ? UINT64_MAX - random.below(3) : random.below(2'000);
    for (uint64_t times = random.below(8) == 0 ? 2 : 1; times > 0; --times) postings.add(row, key);
    model[key].insert(row);
  }
  const std::vector<ValuePage> pages = value_pages(postings.pages());
  for (int round = 0; round < 40; ++round) {
    const bool descending = round % 2 == 0;
    const uint64_t a = random.below(2'100), b = random.below(2'100);
    KeySpan within = round < 4 ? KeySpan{0, UINT64_MAX} : KeySpan{std::min(a, b), std::max(a, b)};
    if (round % 5 == 4) within.last = UINT64_MAX;
    std::vector<std::pair<uint64_t, std::set<Row>>> expected(model.lower_bound(within.first),
                                                             model.upper_bound(within.last));
    if (descending) std::reverse(expected.begin(), expected.end());
    size_t at = 0;
    for (ValueWalk walk(pages, within, descending); walk.valid(); walk.next(), ++at) {
      ASSERT_LT(at, expected.size());
      ASSERT_EQ(walk.key(), expected[at].first);
      std::vector<Row> rows;
      walk.for_each_row([&](Row row) { rows.push_back(row); });
      std::sort(rows.begin(), rows.end());
      EXPECT_TRUE(
          std::equal(rows.begin(), rows.end(), expected[at].second.begin(), expected[at].second.end()))
          << "key " << walk.key();
    }
    EXPECT_EQ(at, expected.size());
  }
}

TEST(ValueWalk, TextsComeStepByStep) {
  Random random(test::test_seed());
  Dictionary dictionary({1'000, 8});
  std::map<std::string, uint64_t> model;
  for (int i = 0; i < 300; ++i) {
    const std::string text = std::to_string(random.below(500));
    model[text] = dictionary.add(text);
  }
  for (const bool descending : {false, true}) {
    for (int round = 0; round < 40; ++round) {
      Dictionary::Step step;
      step.descending = descending;
      step.count = 1 + random.below(40);
      step.inclusive = random.below(2) == 0;
      if (round > 0) step.from = std::to_string(random.below(500));
      Dictionary::Texts expected(model.begin(), model.end());
      std::erase_if(expected, [&](const auto& entry) {
        if (!step.from.has_value()) return false;
        if (entry.first == *step.from) return !step.inclusive;
        return (entry.first < *step.from) != descending;
      });
      if (descending) std::reverse(expected.begin(), expected.end());
      Dictionary::Texts found;
      while (true) {
        const Dictionary::Texts some = dictionary.texts(step);
        found.insert(found.end(), some.begin(), some.end());
        if (some.size() < step.count) break;
        step.from = some.back().first;
        step.inclusive = false;
      }
      EXPECT_EQ(found, expected);
    }
  }
}

TEST(ValueWalk, OfNothingIsAtItsEnd) {
  EXPECT_FALSE(ValueWalk({}, {0, UINT64_MAX}).valid());
  Postings postings;
  postings.add(7, 100);
  EXPECT_FALSE(ValueWalk(value_pages(postings.pages()), {0, 99}).valid());
  EXPECT_FALSE(ValueWalk(value_pages(postings.pages()), {101, UINT64_MAX}, true).valid());
}

}  // namespace
}  // namespace kith
