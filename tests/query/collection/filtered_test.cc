// Goal: every read under a filter shows exactly the points that satisfy it, whatever columns know of it: by
// index and by scan, alone and in batches, across writes, expiry, restarts, checkpoints, purges and damage.
// Method: random points and filters against the plain evaluator on a map; writers beside filtered readers.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "query/filter/filter_text.h"
#include "tests/query/collection/modelled_collection.h"

namespace kith {
namespace {

using namespace testing_support;

class FilteredTest : public ModelledCollection {
 protected:
  /// Nearest first.
  static std::vector<float> distances(const std::map<Id, ModelPoint>& rows, const std::vector<float>& to) {
    std::vector<float> out;
    for (const auto& [id, row] : rows) out.push_back(distance(row.vector, to));
    std::sort(out.begin(), out.end());
    return out;
  }
  /// `hits` are `count` of `rows`, at the distances that are said, and the nearest if `exact`.
  static void expect_hits(const Answer& answer, const std::map<Id, ModelPoint>& rows,
                          const std::vector<float>& to, size_t count, bool exact) {
    ASSERT_EQ(answer.hits.size(), std::min(count, rows.size()));
    const std::vector<float> nearest = distances(rows, to);
    for (size_t i = 0; i < answer.hits.size(); ++i) {
      const auto row = rows.find(answer.hits[i].id);
      ASSERT_NE(row, rows.end()) << to_string(answer.hits[i].id) << " does not satisfy the filter";
      EXPECT_NEAR(answer.hits[i].score, distance(row->second.vector, to), 1e-4);
      if (exact) {
        EXPECT_NEAR(answer.hits[i].score, nearest[i], 1e-4);
      }
    }
  }

  void check(const Filter& filter) {
    SCOPED_TRACE(to_text(filter));
    const std::map<Id, ModelPoint> rows = satisfying(filter);
    EXPECT_EQ(must(books_->count(&filter, {})), rows.size());
    const bool flat = std::string_view(GetParam()) == "flat";
    std::vector<Query> batch;
    for (const bool exact : {false, true}) {
      Query asked = query(vector(), static_cast<uint32_t>(1 + random_.below(20)));
      asked.filter = filter;
      asked.exact = exact;
      const Answer answer = must(books_->search(asked));
      expect_hits(answer, rows, floats(asked.vector), asked.k, exact || flat);
      batch.push_back(asked);
      batch.back().exact = false;
    }
    const auto answers = must(books_->search_batch(batch));
    ASSERT_EQ(answers.size(), batch.size());
    for (size_t i = 0; i < batch.size(); ++i)
      expect_hits(answers[i], rows, floats(batch[i].vector), batch[i].k, flat);
    check_range(filter, rows);
    check_pages(filter, rows);
  }
  void check_range(const Filter& filter, const std::map<Id, ModelPoint>& rows) {
    RangeQuery asked;
    const std::vector<float> to = vector();
    asked.vector = f32(to);
    asked.radius = 2;
    asked.exact = true;
    asked.filter = filter;
    const std::vector<float> all = distances(rows, to);
    const auto within = static_cast<size_t>(std::upper_bound(all.begin(), all.end(), 2.0f) - all.begin());
    expect_hits(must(books_->range_search(asked)), rows, to, within, true);
    asked.exact = false;
    for (const Hit& hit : must(books_->range_search(asked)).hits) EXPECT_TRUE(rows.contains(hit.id));
  }
  void check_pages(const Filter& filter, const std::map<Id, ModelPoint>& rows) {
    std::optional<Id> from;
    auto expected = rows.begin();
    do {
      const ScrollPage page = must(books_->scroll(from, 37, {.payload = true}, &filter, {}));
      for (const Point& shown : page.points) {
        ASSERT_NE(expected, rows.end());
        EXPECT_EQ(shown.id, expected->first);
        EXPECT_EQ(shown.payload, expected->second.payload);
        ++expected;
      }
      from = page.next;
    } while (from.has_value() && !HasFailure());
    EXPECT_EQ(expected, rows.end());
  }
};

TEST_P(FilteredTest, EveryReadShowsWhatSatisfiesTheFilter) {
  open();
  for (int round = 0; round < 12 && !HasFailure(); ++round) {
    upsert(150);
    remove(40);
    if (round % 4 == 1) must(books_->checkpoint());
    if (round % 3 == 2) open();
    if (round == 7) must(db_->compact("books", {}));
    for (int i = 0; i < 12 && !HasFailure(); ++i) check(filters_.filter());
  }
  for (const std::string& problem : must(db_->verify("books", {})).problems) ADD_FAILURE() << problem;
}

TEST_P(FilteredTest, ExpiredPointsSatisfyNothing) {
  open();
  std::vector<Point> points;
  for (uint64_t id = 0; id < 100; ++id) {
    points.push_back(point(id, vector(), R"({"a":1})"));
    if (id % 2 == 0) points.back().expires_at_ms = kStartMs + 1'000;
  }
  must(books_->upsert(points, Durability::kAsync));
  const Filter filter = must(parse_filter_text("a = 1"));
  EXPECT_EQ(must(books_->count(&filter, {})), 100u);
  clock_.advance_ms(2'000);
  EXPECT_EQ(must(books_->count(&filter, {})), 50u);
  Query asked = query(vector(), 100);
  asked.filter = filter;
  for (const bool exact : {false, true}) {
    asked.exact = exact;
    EXPECT_EQ(must(books_->search(asked)).hits.size(), 50u);
  }
  EXPECT_EQ(must(books_->scroll(std::nullopt, 1'000, {}, &filter, {})).points.size(), 50u);
}

/// Queries of one filter are answered together, however it is written; efforts, offsets, exactness and
/// deadlines differ.
TEST_P(FilteredTest, QueriesOfABatchMayHaveDifferentFilters) {
  open();
  upsert(300);
  const Filter common = filters_.filter();
  std::vector<Query> batch;
  for (uint64_t i = 0; i < 40; ++i) {
    Query asked = query(vector(), static_cast<uint32_t>(1 + random_.below(15)));
    if (i % 4 == 0) asked.filter = common;
    if (i % 4 == 1) asked.filter = Filter{NotOf{{Filter{NotOf{{common}}}}}};
    if (i % 4 == 2) asked.filter = filters_.filter();
    if (i % 5 == 0) asked.effort = 100;
    if (i % 6 == 0) asked.exact = true;
    if (i % 7 == 0) asked.stop.deadline = std::chrono::steady_clock::now() + std::chrono::hours(1);
    batch.push_back(asked);
  }
  const auto answers = must(books_->search_batch(batch));
  ASSERT_EQ(answers.size(), batch.size());
  for (size_t i = 0; i < batch.size(); ++i)
    expect_hits(answers[i], batch[i].filter ? satisfying(*batch[i].filter) : model_, floats(batch[i].vector),
                batch[i].k, batch[i].exact || std::string_view(GetParam()) == "flat");
}

TEST_P(FilteredTest, ABadFilterIsRefusedEverywhere) {
  open();
  upsert(10);
  const Filter bad{AtLeast{3, {Filter{AllOf{}}}}};
  Query asked = query(vector());
  asked.filter = bad;
  EXPECT_EQ(code_of(books_->search(asked)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->search_batch({&asked, 1})), Code::kInvalidArgument);
  RangeQuery range;
  range.vector = asked.vector;
  range.filter = bad;
  EXPECT_EQ(code_of(books_->range_search(range)), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->count(&bad, {})), Code::kInvalidArgument);
  EXPECT_EQ(code_of(books_->scroll(std::nullopt, 10, {}, &bad, {})), Code::kInvalidArgument);
}

/// A replaced point satisfies the filter before and after: no reader may miss it, nor see it twice.
TEST_P(FilteredTest, ConcurrentReadersMissNoReplacedPoint) {
  open();
  constexpr uint64_t kIds = 60;
  std::vector<Point> points;
  for (uint64_t id = 0; id < kIds; ++id) points.push_back(point(id, vector(), R"({"kind":"book","n":0})"));
  must(books_->upsert(points, Durability::kAsync));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Random random(7);
    for (uint64_t n = 1; !done; ++n) {
      std::vector<Point> some;
      for (uint64_t id = random.below(7); id < kIds; id += 7)
        some.push_back(point(id, {0, 1, 2, 3}, fmt::format(R"({{"kind":"book","n":{}}})", n)));
      must(books_->upsert(some, Durability::kAsync));
      must(books_->upsert(std::vector{point(uint64_t{kIds + n % 50}, {0, 0, 0, 0}, R"({"kind":"other"})")},
                          Durability::kAsync));
    }
  });
  const Filter filter = must(parse_filter_text("kind = 'book'"));
  Query asked = query({0, 0, 0, 0}, 100);
  asked.filter = filter;
  for (int round = 0; round < 150 && !HasFailure(); ++round) {
    asked.exact = round % 3 == 0;
    std::vector<std::string> ids = ids_of(must(books_->search(asked)));
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end()), ids.end());
    EXPECT_EQ(ids.size(), kIds);
    EXPECT_EQ(must(books_->count(&filter, {})), kIds);
    EXPECT_EQ(must(books_->scroll(std::nullopt, 1'000, {}, &filter, {})).points.size(), kIds);
  }
  done = true;
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(Kinds, FilteredTest, testing::Values("flat", "vamana"));

}  // namespace
}  // namespace kith
