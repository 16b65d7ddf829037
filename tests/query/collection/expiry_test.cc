// Goal: from the moment a point expires no read finds it, by whatever way; the purge then removes it by
// writes like others, takes nothing that was written anew, and believes no clock that was only just set.
// Method: a clock that the test moves; random operations, checkpoints and restarts against a model; writers
// that race the purge.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "index/registry.h"
#include "query/collection/local_collection.h"
#include "storage/rows/expiry_map.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr int64_t kStartMs = 1'700'000'000'000;
constexpr int64_t kYearMs = 365ll * 24 * 3600 * 1000;

class ExpiryTest : public testing::Test {
 protected:
  void open() {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.clock = &clock_;
    options.checkpoints.points_min = 0;
    options.checkpoints.age = std::chrono::hours(1);
    options.checkpoints.at_close = ++opened_ % 2 == 0;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty())
      must(db_->create_collection("books", schema_of({field("v", 2, Metric::kL2, kind_)})));
    books_ = must(db_->collection("books"));
  }
  uint64_t now() const { return static_cast<uint64_t>(clock_.wall_ms()); }
  Point expiring(uint64_t id, uint64_t at_ms) {
    Point out = point(id, {static_cast<float>(id), 1}, fmt::format("{{\"n\":{}}}", id));
    out.expires_at_ms = at_ms;
    return out;
  }
  WriteReceipt upsert(const std::vector<Point>& points) {
    return must(books_->upsert(points, Durability::kAsync));
  }
  bool purge() { return dynamic_cast<LocalCollection&>(*books_).purge(); }
  /// Waits for the database's own purge.
  bool purged() {
    for (int i = 0; i < 500 && books_->info().expired > 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return books_->info().expired == 0;
  }

  TempDirectory directory_;
  ManualClock clock_{5'000'000'000, kStartMs};
  std::string kind_ = "flat";
  int opened_ = 0;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

class ExpiryOfKind : public ExpiryTest, public testing::WithParamInterface<const char*> {};

/// Points 0..99: of 0, 3, 6, … none expires; of the others id expires `id` ms from now.
TEST_P(ExpiryOfKind, NoReadFindsAPointFromItsTimeOn) {
  kind_ = GetParam();
  open();
  std::vector<Point> points;
  const uint64_t start = now() + kYearMs;  // so far away that nothing is purged meanwhile
  for (uint64_t id = 0; id < 100; ++id) points.push_back(expiring(id, id % 3 == 0 ? 0 : start + id));
  upsert(points);
  for (const uint64_t passed : {0u, 1u, 2u, 50u, 99u}) {
    SCOPED_TRACE(fmt::format("{} ms later", passed));
    clock_.jump_wall_ms(static_cast<int64_t>(start + passed) - clock_.wall_ms());
    std::vector<Id> live;
    for (uint64_t id = 0; id < 100; ++id)
      if (id % 3 == 0 || id > passed) live.emplace_back(id);
    EXPECT_EQ(must(books_->count()), live.size());
    EXPECT_EQ(books_->info().points, live.size());

    std::vector<Id> asked, scrolled;
    for (uint64_t id = 0; id < 100; ++id) asked.emplace_back(id);
    const auto got = must(books_->get(asked, {.payload = passed % 2 == 0}));
    for (uint64_t id = 0; id < 100; ++id)
      EXPECT_EQ(got[id].has_value(), std::ranges::count(live, asked[id]) == 1) << id;
    for (const auto& [id, content] : content_of(*books_, 7)) scrolled.push_back(id);
    EXPECT_EQ(scrolled, live);

    const auto ids = [](const Answer& answer) {
      std::vector<Id> out;
      for (const Hit& hit : answer.hits) out.push_back(hit.id);
      std::ranges::sort(out);
      return out;
    };
    Query all = query({50, 1}, 100), near = query({static_cast<float>(passed), 1}, 5);
    for (const bool exact : {false, true}) {
      all.exact = near.exact = exact;
      EXPECT_EQ(ids(must(books_->search(all))), live) << "exact " << exact;
      EXPECT_EQ(must(books_->search(near)).hits.size(), 5u) << "fewer than there are";
      const auto batch = must(books_->search_batch(std::vector{all, near}));
      EXPECT_EQ(ids(batch[0]), live);
      EXPECT_EQ(batch[1].hits.size(), 5u);
      RangeQuery range;
      range.vector = all.vector;
      range.radius = 1000;
      range.exact = exact;
      range.limit = 1000;
      EXPECT_EQ(ids(must(books_->range_search(range))), live) << "exact " << exact;
    }
  }
  clock_.jump_wall_ms(static_cast<int64_t>(start) - clock_.wall_ms());
  EXPECT_EQ(must(books_->count()), 100u) << "expiry is by the wall clock: set back, it shows them again";
}

INSTANTIATE_TEST_SUITE_P(Kinds, ExpiryOfKind, testing::Values("flat", "hnsw", "vamana", "nsg"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_F(ExpiryTest, ComesBackWithWhatIsFetchedAndIsChecked) {
  open();
  const uint64_t at = now() + 1000;
  upsert({expiring(1, at), expiring(2, 0)});
  const auto points = must(books_->get(std::vector{Id(uint64_t{1}), Id(uint64_t{2})}, {.vectors = true}));
  EXPECT_EQ(points[0]->expires_at_ms, at);
  EXPECT_EQ(points[1]->expires_at_ms, 0u);
  Query q = query({1, 1}, 2);
  q.fetch.payload = true;
  EXPECT_EQ(must(books_->search(q)).hits[0].expires_at_ms, at);
  EXPECT_EQ(must(books_->scroll({}, 1, {.payload = true})).points[0].expires_at_ms, at);
  const auto refused = books_->upsert(std::vector{expiring(3, kExpiryMax + 1)}, Durability::kSync);
  EXPECT_EQ(code_of(refused), Code::kInvalidArgument);
  EXPECT_NE(refused.error().message.find("expires_at_ms"), std::string::npos) << refused.error().message;
  upsert({expiring(3, 1)});
  EXPECT_EQ(must(books_->count()), 2u) << "a time that has passed is taken, and hides the point at once";
}

TEST_F(ExpiryTest, WritesTakeAnExpiredPointForNone) {
  open();
  upsert({expiring(1, now() + 10), expiring(2, now() + 10), expiring(3, now() + 10), expiring(4, 0)});
  clock_.jump_wall_ms(10);
  const WriteReceipt again = upsert({expiring(1, now() + 10), expiring(4, 0)});
  EXPECT_EQ(again.inserted, 1u);
  EXPECT_EQ(again.replaced, 1u);
  const std::vector<Id> ids = {Id(uint64_t{1}), Id(uint64_t{2})};
  EXPECT_EQ(must(books_->remove(ids, Durability::kAsync)).removed, 1u);
  EXPECT_EQ(must(books_->count()), 1u);
  EXPECT_EQ(books_->info().expired, 1u);
}

TEST_F(ExpiryTest, ThePurgeRemovesByLoggedWritesWhatHasExpired) {
  open();
  std::vector<Point> points;
  for (uint64_t id = 0; id < 5000; ++id) points.push_back(expiring(id, id % 2 == 0 ? 0 : now() + 60'000));
  const uint64_t sequence = upsert(points).sequence;
  clock_.advance_ms(59'999);
  EXPECT_FALSE(purge());
  EXPECT_EQ(books_->info().sequence, sequence) << "nothing to do is no write";
  clock_.advance_ms(1);
  EXPECT_EQ(must(books_->count()), 2500u);
  ASSERT_TRUE(purged()) << books_->info().expired;
  EXPECT_EQ(books_->info().sequence, sequence + 3) << "2,500 points in batches of 1,000";
  // The index follows what readers see: it is done when a write behind the purge's is.
  must(books_->remove(std::vector{Id(uint64_t{9999})}, Durability::kAsync));
  EXPECT_EQ(books_->info().fields[0].stats.rows, 2500u);
  const auto report = must(db_->verify("books", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  EXPECT_EQ(report.points, 2500u);
  open();
  EXPECT_EQ(must(books_->count()), 2500u);
}

TEST_F(ExpiryTest, AClockThatWasSetHidesAtOnceAndRemovesNothingUntilItIsBelieved) {
  open();
  std::vector<Point> points;
  for (uint64_t id = 0; id < 10; ++id) points.push_back(expiring(id, now() + 1000));
  upsert(points);
  clock_.jump_wall_ms(10 * kYearMs);
  EXPECT_EQ(must(books_->count()), 0u);
  std::this_thread::sleep_for(std::chrono::milliseconds(1200));
  EXPECT_EQ(books_->info().expired, 10u) << "removed for good on the word of a clock that was just set";
  clock_.jump_wall_ms(-10 * kYearMs);
  EXPECT_EQ(must(books_->count()), 10u);
  clock_.jump_wall_ms(10 * kYearMs);
  std::this_thread::sleep_for(std::chrono::milliseconds(700));  // the housekeeper has seen it
  clock_.advance_ms(11 * 60'000);
  EXPECT_TRUE(purged()) << "after ten minutes it is believed";
}

TEST_F(ExpiryTest, ThePurgeTakesNoPointThatIsWrittenAnew) {
  open();
  constexpr uint64_t kIds = 300;
  std::vector<Point> points;
  for (uint64_t id = 0; id < kIds; ++id) points.push_back(expiring(id, now()));
  upsert(points);
  std::atomic<bool> done{false};
  std::thread purger([&] {
    while (!done) purge();
  });
  std::vector<std::thread> writers;
  for (uint64_t w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (uint64_t id = w; id < kIds; id += 2) {
        upsert({expiring(id, now())});  // expired already: the purge is after it
        upsert({expiring(id, now() + 1'000'000)});
        EXPECT_TRUE(must(books_->get(std::vector{Id(id)}, {}))[0].has_value()) << id;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  purger.join();
  EXPECT_EQ(must(books_->count()), kIds);
  const auto report = must(db_->verify("books", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

class ExpiryProperty : public ExpiryTest, public testing::WithParamInterface<uint64_t> {};

TEST_P(ExpiryProperty, AnyOperationsAndRestartsLeaveWhatTheModelSays) {
  SCOPED_TRACE(fmt::format("seed {}", GetParam()));
  Random random(GetParam());
  std::map<uint64_t, uint64_t> model;  // id → when it expires
  open();
  for (int step = 0; step < 400; ++step) {
    const uint64_t id = random.below(80);
    switch (random.below(10)) {
      case 0:
        must(books_->remove(std::vector{Id(id)}, Durability::kAsync));
        model.erase(id);
        break;
      case 1:
        clock_.advance_ms(random.below(30));
        break;
      case 2:
        purge();
        break;
      case 3:
        if (random.below(4) == 0) must(books_->checkpoint());
        break;
      case 4:
        if (random.below(4) == 0) open();
        break;
      default:
        model[id] = random.below(3) == 0 ? 0 : now() + random.below(100);
        upsert({expiring(id, model[id])});
    }
    std::erase_if(model, [&](const auto& entry) { return entry.second != 0 && entry.second <= now(); });
    ASSERT_EQ(must(books_->count()), model.size()) << "step " << step;
    if (step % 20 != 0) continue;
    std::map<uint64_t, uint64_t> found;
    for (const Point& each : must(books_->scroll({}, 100, {.payload = true})).points)
      found[std::get<uint64_t>(each.id)] = each.expires_at_ms;
    ASSERT_EQ(found, model) << "step " << step;
    const auto report = must(db_->verify("books", {}));
    ASSERT_TRUE(report.problems.empty()) << report.problems.front();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, ExpiryProperty, testing::Values(11, 12, 13));

}  // namespace
}  // namespace kith
