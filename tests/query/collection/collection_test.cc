// Goal: a collection does what query/database.h says. Method: small examples through the public API over
// RocksDB, with the flat kind; answers are worked out by hand or by brute force here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/random.h"
#include "index/registry.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

class CollectionTest : public DatabaseTest {};

Uuid uuid_of(uint8_t last) {
  Uuid uuid;
  uuid.bytes[15] = last;
  return uuid;
}

TEST_F(CollectionTest, UpsertsAreReadBackWithPayloadAndVector) {
  auto books = create({field("vector", 2)});
  const auto receipt =
      must(books->upsert(std::vector{point(uint64_t{7}, {1, 2}, R"({"t":"x"})"), point(uuid_of(1), {3, 4}),
                                     point(std::string("7"), {5, 6})},
                         Durability::kSync));
  EXPECT_EQ(receipt.sequence, 1u);
  EXPECT_EQ(receipt.inserted, 3u);
  EXPECT_EQ(receipt.replaced, 0u);
  const std::vector<Id> ids = {Id(std::string("7")), Id(uint64_t{7}), Id(uint64_t{8}), Id(uuid_of(1)),
                               Id(uint64_t{7})};
  const auto got = must(books->get(ids, {.payload = true, .vectors = true}));
  ASSERT_EQ(got.size(), 5u);
  EXPECT_EQ(got[0]->vectors.at(0).data, f32({5, 6}));
  EXPECT_EQ(got[0]->payload, "");
  EXPECT_EQ(got[1]->payload, R"({"t":"x"})");
  EXPECT_EQ(got[1]->vectors.at(0).field, "vector");
  EXPECT_FALSE(got[2].has_value());
  EXPECT_EQ(got[3]->vectors.at(0).data, f32({3, 4}));
  EXPECT_EQ(got[4]->id, Id(uint64_t{7}));
  const auto bare = must(books->get(ids, {}));
  EXPECT_TRUE(bare[1]->payload.empty() && bare[1]->vectors.empty());
  EXPECT_EQ(must(books->count()), 3u);
}

TEST_F(CollectionTest, AnUpsertReplacesAllOfTheOldPoint) {
  auto books = create({field("a", 2), field("b", 3)});
  Point full{Id(uint64_t{1}), {{"a", f32({1, 2})}, {"b", f32({1, 2, 3})}}, R"({"old":true})"};
  must(books->upsert(std::vector{full}, Durability::kSync));
  Point less{Id(uint64_t{1}), {{"b", f32({9, 9, 9})}}, ""};
  const auto receipt = must(books->upsert(std::vector{less}, Durability::kSync));
  EXPECT_EQ(receipt.replaced, 1u);
  EXPECT_EQ(receipt.inserted, 0u);
  const auto content = content_of(*books);
  ASSERT_EQ(content.size(), 1u);
  EXPECT_EQ(content.begin()->second.payload, "");
  EXPECT_EQ(content.begin()->second.vectors.size(), 1u);
  Query q = query({1, 2});
  q.field = "a";
  EXPECT_TRUE(must(books->search(q)).hits.empty()) << "the old vector is gone";
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

TEST_F(CollectionTest, RemovesWhatIsThereAndIgnoresTheRest) {
  auto books = create({field("vector", 2)});
  must(books->upsert(std::vector{point(uint64_t{1}, {1, 0}), point(uint64_t{2}, {2, 0})}, Durability::kSync));
  const std::vector<Id> ids = {Id(uint64_t{1}), Id(uint64_t{1}), Id(std::string("never"))};
  const auto receipt = must(books->remove(ids, Durability::kSync));
  EXPECT_EQ(receipt.removed, 1u);
  EXPECT_EQ(receipt.sequence, 2u);
  EXPECT_EQ(must(books->count()), 1u);
  EXPECT_EQ(ids_of(must(books->search(query({1, 0})))), (std::vector<std::string>{"2"}));
  EXPECT_EQ(must(books->remove(ids, Durability::kSync)).removed, 0u);
  must(books->upsert(std::vector{point(uint64_t{1}, {1, 0})}, Durability::kSync));
  EXPECT_EQ(must(books->search(query({1, 0}, 1))).hits[0].id, Id(uint64_t{1}));
}

TEST_F(CollectionTest, ScrollWalksInIdOrder) {
  auto books = create({field("vector", 1)});
  const std::vector<Id> ascending = {Id(uint64_t{2}),      Id(uint64_t{10}),      Id(UINT64_MAX),
                                     Id(uuid_of(1)),       Id(uuid_of(2)),        Id(std::string("10")),
                                     Id(std::string("a")), Id(std::string("a2")), Id(std::string("é"))};
  std::vector<Point> points;
  for (const Id& id : ascending) points.push_back(point(id, {1}));
  std::reverse(points.begin(), points.end());
  must(books->upsert(points, Durability::kSync));
  for (uint32_t limit = 1; limit <= 10; ++limit) {
    std::vector<Id> seen;
    std::optional<Id> from;
    do {
      const auto page = must(books->scroll(from, limit, {}));
      ASSERT_LE(page.points.size(), limit);
      for (const Point& each : page.points) seen.push_back(each.id);
      from = page.next;
    } while (from.has_value());
    EXPECT_EQ(seen, ascending) << "limit " << limit;
  }
  EXPECT_EQ(must(books->scroll(Id(uint64_t{11}), 1, {})).points.at(0).id, Id(UINT64_MAX));
}

TEST_F(CollectionTest, OffsetAndThresholdCutTheAnswer) {
  auto books = create({field("vector", 1)});
  std::vector<Point> points;
  for (uint64_t i = 0; i < 20; ++i)
    points.push_back(point(i, {static_cast<float>(i)}, fmt::format("{{\"n\":{}}}", i)));
  must(books->upsert(points, Durability::kSync));
  for (const bool exact : {false, true}) {
    Query q = query({0}, 3);
    q.exact = exact;
    q.offset = 5;
    q.fetch = {.payload = true, .vectors = true};
    const auto answer = must(books->search(q));
    EXPECT_EQ(ids_of(answer), (std::vector<std::string>{"5", "6", "7"}));
    EXPECT_EQ(answer.hits[0].score, 5.0f) << "the Euclidean distance, not its square";
    EXPECT_EQ(answer.hits[0].payload, R"({"n":5})");
    EXPECT_EQ(answer.hits[0].vectors.at(0).data, f32({5}));
    q.offset = 0;
    q.k = 10;
    q.score_threshold = 2.0f;
    EXPECT_EQ(ids_of(must(books->search(q))), (std::vector<std::string>{"0", "1", "2"})) << "inclusive";
    q.score_threshold = {};
    q.offset = 19;
    EXPECT_EQ(ids_of(must(books->search(q))), (std::vector<std::string>{"19"}));
    q.offset = 20;
    EXPECT_TRUE(must(books->search(q)).hits.empty());
  }
}

TEST_F(CollectionTest, HigherScoresAreNearerUnderCosineAndInnerProduct) {
  for (const Metric metric : {Metric::kCosine, Metric::kInnerProduct}) {
    auto books = create({field("vector", 2, metric)}, std::string(metric_name(metric)));
    must(books->upsert(std::vector{point(uint64_t{1}, {1, 0}), point(uint64_t{2}, {0.6f, 0.8f}),
                                   point(uint64_t{3}, {-1, 0})},
                       Durability::kSync));
    Query q = query({1, 0});
    const auto all = must(books->search(q));
    EXPECT_EQ(ids_of(all), (std::vector<std::string>{"1", "2", "3"}));
    EXPECT_NEAR(all.hits[0].score, 1.0f, 1e-6);
    EXPECT_NEAR(all.hits[1].score, 0.6f, 1e-6);
    q.score_threshold = all.hits[1].score;
    EXPECT_EQ(must(books->search(q)).hits.size(), 2u);
    RangeQuery range;
    range.vector = q.vector;
    range.radius = all.hits[1].score;
    for (const bool exact : {false, true}) {
      range.exact = exact;
      EXPECT_EQ(ids_of(must(books->range_search(range))), (std::vector<std::string>{"1", "2"}));
    }
  }
}

TEST_F(CollectionTest, TiesComeInRowOrderAndRangesAreInclusive) {
  auto books = create({field("vector", 2)});
  must(books->upsert(
      std::vector{point(uint64_t{9}, {1, 1}), point(uint64_t{3}, {1, 1}), point(uint64_t{5}, {1, 1})},
      Durability::kSync));
  EXPECT_EQ(ids_of(must(books->search(query({0, 0}, 2)))), (std::vector<std::string>{"9", "3"}));
  RangeQuery range;
  range.vector = f32({0, 0});
  range.radius = std::sqrt(2.0f);
  EXPECT_EQ(must(books->range_search(range)).hits.size(), 3u);
  range.limit = 2;
  EXPECT_EQ(ids_of(must(books->range_search(range))), (std::vector<std::string>{"9", "3"}));
  range.radius = 1.41f;
  EXPECT_TRUE(must(books->range_search(range)).hits.empty());
}

/// Random vectors of any kind and type: batch, single, exact and brute force agree.
class EveryKind : public CollectionTest, public testing::WithParamInterface<const IndexKind*> {};

TEST_P(EveryKind, AnswersMatchBruteForce) {
  constexpr uint32_t kDim = 17;
  const uint64_t seed = 5;
  Random random(seed);
  auto books = create({field("vector", kDim, Metric::kL2, GetParam()->name)});
  std::vector<std::vector<float>> vectors;
  for (uint64_t batch = 0; batch < 10; ++batch) {
    std::vector<Point> points;
    for (uint64_t i = 0; i < 100; ++i) {
      std::vector<float>& vector = vectors.emplace_back(kDim);
      for (float& value : vector) value = static_cast<float>(random.normal());
      points.push_back(point(batch * 100 + i, vector));
    }
    must(books->upsert(points, Durability::kAsync));
  }
  must(books->settle({}));
  std::vector<Id> gone;
  for (uint64_t i = 0; i < 1000; i += 3) gone.emplace_back(i);
  must(books->remove(gone, Durability::kAsync));
  std::vector<Query> queries;
  size_t same = 0, total = 0;
  for (int i = 0; i < 20; ++i) {
    std::vector<float> q(kDim);
    for (float& value : q) value = static_cast<float>(random.normal());
    std::vector<std::pair<double, uint64_t>> expected;
    for (uint64_t id = 0; id < vectors.size(); ++id) {
      if (id % 3 == 0) continue;
      double distance = 0;
      for (uint32_t d = 0; d < kDim; ++d) distance += std::pow(double{q[d]} - vectors[id][d], 2);
      expected.emplace_back(distance, id);
    }
    std::sort(expected.begin(), expected.end());
    queries.push_back(query(q, 10));
    queries.back().exact = true;
    const auto exact = must(books->search(queries.back()));
    queries.back().exact = false;
    queries.back().effort = 200;
    const auto answer = must(books->search(queries.back()));
    ASSERT_EQ(exact.hits.size(), 10u);
    ASSERT_EQ(answer.hits.size(), 10u);
    for (size_t h = 0; h < 10; ++h) {
      EXPECT_EQ(exact.hits[h].id, Id(expected[h].second)) << "seed " << seed << " query " << i;
      same += answer.hits[h].id == exact.hits[h].id ? 1 : 0;
      ++total;
    }
  }
  EXPECT_GE(same, GetParam()->exact ? total : total * 95 / 100);
  const auto batch = must(books->search_batch(queries));
  ASSERT_EQ(batch.size(), queries.size());
  for (size_t i = 0; i < queries.size(); ++i)
    EXPECT_EQ(ids_of(batch[i]), ids_of(must(books->search(queries[i]))));
  const auto report = must(db_->verify("books", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  EXPECT_EQ(report.points, 666u);
  EXPECT_GT(report.bytes, 666u * kDim * sizeof(float));
}

std::string kind_name(const testing::TestParamInfo<const IndexKind*>& info) {
  return info.param->name;
}
INSTANTIATE_TEST_SUITE_P(Kinds, EveryKind, testing::ValuesIn(index_kinds().begin(), index_kinds().end()),
                         kind_name);

TEST_F(CollectionTest, EveryStoredTypeIsSearchedInItsOwnQueryType) {
  auto all = create({field("f16", 2, Metric::kL2, "flat", ScalarType::kF16),
                     field("i8", 2, Metric::kL2, "flat", ScalarType::kI8),
                     field("bit", 12, Metric::kHamming, "flat", ScalarType::kBit)});
  const auto halves = [](float a, float b) {
    std::vector<std::byte> out(4);
    const float in[] = {a, b};
    EXPECT_TRUE(from_f32(in, 2, ScalarType::kF16, out.data()).ok());
    return out;
  };
  Point one{Id(uint64_t{1}),
            {{"f16", halves(1, 2)},
             {"i8", {std::byte{1}, std::byte{0xff}}},
             {"bit", {std::byte{0xf0}, std::byte{1}}}},
            ""};
  Point two{Id(uint64_t{2}),
            {{"f16", halves(5, 2)},
             {"i8", {std::byte{9}, std::byte{0xff}}},
             {"bit", {std::byte{0x0f}, std::byte{1}}}},
            ""};
  must(all->upsert(std::vector{one, two}, Durability::kSync));
  Query q = query({1, 2});
  q.field = "f16";
  EXPECT_EQ(must(all->search(q)).hits[1].score, 4.0f);
  q.field = "i8";
  q.vector = {std::byte{1}, std::byte{0xff}};
  EXPECT_EQ(must(all->search(q)).hits[1].score, 8.0f);
  q.field = "bit";
  q.vector = {std::byte{0xf0}, std::byte{1}};
  for (const bool exact : {false, true}) {
    q.exact = exact;
    const auto answer = must(all->search(q));
    EXPECT_EQ(ids_of(answer), (std::vector<std::string>{"1", "2"}));
    EXPECT_EQ(answer.hits[1].score, 8.0f);
  }
  EXPECT_TRUE(must(db_->verify("books", {})).problems.empty());
}

TEST_F(CollectionTest, ADeadlineThatPassedStopsASearch) {
  auto books = create({field("vector", 2)});
  must(books->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
  Query q = query({1, 2});
  q.stop.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_EQ(code_of(books->search(q)), Code::kDeadlineExceeded);
}

}  // namespace
}  // namespace kith
