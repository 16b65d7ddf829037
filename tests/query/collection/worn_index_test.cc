// Goal: an index never has room for many more rows than live, of whatever kind, and what is built anew for
// that serves as the one before it did. Method: points are replaced several times over, or most are removed,
// beside searches for some that stay; control: without the thread that looks after it kinds that do not use
// room again grow with each row.
#include <gtest/gtest.h>

#include <thread>

#include "tests/query/test_database.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr uint32_t kDim = 16;
#ifdef KITH_SANITIZED
constexpr size_t kPoints = 300, kStay = 20;
#else
constexpr size_t kPoints = 1'500, kStay = 100;  // the first ones do
#endif

struct Kind {
  const char* name;
  const char* index;
  IndexOptions options;
  bool reuses;
};

class WornIndex : public testing::TestWithParam<Kind> {
 protected:
  void open(bool background = true) {
    DatabaseOptions options;
    options.recall.background = background;
    options.recall.look = std::chrono::milliseconds(5);
    options.recall.quiet = std::chrono::milliseconds(20);
    options.recall.points_min = kPoints / 4;
    options.recall.queries = 20;
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty()) {
      VectorField vectors = field("v", kDim, Metric::kL2, GetParam().index);
      vectors.options = GetParam().options;
      Schema schema = schema_of({vectors});
      schema.payload = {
          {{{"tenant"}}, PayloadType::kKeyword, false, GetParam().name == std::string("nested")}};
      must(db_->create_collection("books", schema));
    }
    books_ = must(db_->collection("books"));
  }
  void close() {
    books_.reset();
    db_.reset();
  }
  /// Points [begin, end) as the vectors from `first` on.
  void put(size_t begin, size_t end, size_t first) {
    for (size_t from = begin; from < end; from += 100) {
      std::vector<Point> points;
      for (size_t i = from; i < std::min(end, from + 100); ++i)
        points.push_back(point(uint64_t{i}, vector(first + i - begin),
                               i % 3 == 0 ? R"({"tenant":"a"})" : R"({"tenant":"b"})"));
      must(books_->upsert(points, Durability::kAsync));
    }
  }
  std::vector<float> vector(size_t row) const { return {vectors_.row(row), vectors_.row(row) + kDim}; }
  bool finds(uint64_t id, size_t row) const {
    Query asked = query(vector(row), 3);
    asked.effort = 100;
    const Answer answer = must(books_->search(asked));
    return !answer.hits.empty() && std::get<uint64_t>(answer.hits[0].id) == id;
  }
  IndexStats stats() const { return books_->info().fields[0].stats; }
  bool renewed() const {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (stats().removed > stats().rows || books_->info().fields[0].rebuilding.has_value()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  /// Replaces all but those that stay `rounds` times.
  void replace(size_t rounds) {
    for (size_t round = 1; round <= rounds; ++round) put(kStay, kPoints, round * kPoints);
  }
  void expect_all_found(size_t rounds) const {
    size_t found = 0;
    for (size_t i = 0; i < kPoints; ++i) found += finds(i, i < kStay ? i : rounds * kPoints + i - kStay);
    EXPECT_GE(found, kPoints * 99 / 100);
    EXPECT_EQ(stats().rows, kPoints);
  }

  const test::Vectors vectors_ = test::normal_vectors(6 * kPoints, kDim, 5);
  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

class WornIndexConcurrency : public WornIndex {};  // under TSan, too

TEST_P(WornIndexConcurrency, IsBuiltAnewBesideSearches) {
  open();
  put(0, kPoints, 0);
  std::atomic<bool> done{false};
  size_t asked = 0, missed = 0;
  std::thread searcher([&] {
    for (; !done; ++asked) missed += !finds(asked % kStay, asked % kStay);
  });
  replace(5);
  EXPECT_TRUE(renewed());
  done = true;
  searcher.join();
  EXPECT_GT(asked, 20u);
  EXPECT_LE(missed * 50, asked);
  must(books_->settle({}));
  expect_all_found(5);
  close();
  open();
  EXPECT_TRUE(renewed());
  expect_all_found(5);
}

TEST_P(WornIndex, GrowsWithEachRowElse) {
  if (GetParam().reuses) GTEST_SKIP() << "it uses nodes again, of which some wait";
  open(/*background=*/false);
  put(0, kPoints, 0);
  replace(5);
  must(books_->settle({}));
  EXPECT_GE(stats().removed, 5 * (kPoints - kStay));
}

/// Memory comes back.
TEST_P(WornIndex, MostPointsAreRemoved) {
  open();
  put(0, 4 * kPoints, 0);
  must(books_->settle({}));
  const uint64_t before = books_->info().fields[0].memory.total();
  std::vector<Id> gone;
  for (uint64_t id = kPoints / 2; id < 4 * kPoints; ++id) gone.emplace_back(id);
  must(books_->remove(gone, Durability::kAsync));
  EXPECT_TRUE(renewed());
  EXPECT_EQ(stats().rows, kPoints / 2);
  EXPECT_LT(books_->info().fields[0].memory.total(), before / 2);
  for (uint64_t id = 0; id < kStay; ++id) EXPECT_TRUE(finds(id, id)) << id;
}

const auto kKinds = testing::Values(Kind{"vamana", "vamana", {}, true}, Kind{"flat", "flat", {}, false},
                                    Kind{"nested", "vamana", {{"labels", "nested"}}, false},
                                    Kind{"deterministic", "vamana", {{"deterministic", "true"}}, false});
std::string name_of(const testing::TestParamInfo<Kind>& kind) {
  return kind.param.name;
}
INSTANTIATE_TEST_SUITE_P(Kinds, WornIndex, kKinds, name_of);
INSTANTIATE_TEST_SUITE_P(Kinds, WornIndexConcurrency, kKinds, name_of);

}  // namespace
}  // namespace kith
