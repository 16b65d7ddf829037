// Goal: after a purge no file of the directory holds a payload or a vector that was removed or replaced
// before, its receipt says how many those were, and nothing else is missing. Method: points whose payload and
// vector are canaries are removed, half of an extent among them; every file of the directory is searched
// before and after, while writers and searches go on.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/random.h"
#include "tests/query/test_database.h"
#include "tests/support/canaries.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr uint32_t kDim = 40;

struct Case {
  const char* kind;
  std::vector<std::pair<std::string, std::string>> options;
  uint64_t points;
};

class CompactTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override { open(); }
  void open() {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.memtable_bytes = 1u << 20;
    options.checkpoints.age = std::chrono::milliseconds(200);
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty()) {
      VectorField v = field("v", kDim, Metric::kL2, GetParam().kind);
      for (const auto& [name, value] : GetParam().options) v.options.emplace_back(name, value);
      must(db_->create_collection("books", schema_of({v, field("small", 3, Metric::kL2, "flat")})));
      must(db_->create_collection("others", schema_of({field("v", kDim, Metric::kL2, "flat")})));
    }
    books_ = must(db_->collection("books"));
  }

  void purge_beside_writers(uint64_t removed);

  static std::vector<float> random_vector(Random& random, size_t dim) {
    std::vector<float> vector(dim);
    for (float& x : vector) x = static_cast<float>(random.normal());
    return vector;
  }
  /// 24 letters that LZ4 leaves alone.
  static std::string random_text(Random& random) {
    std::string text(24, ' ');
    for (char& c : text) c = static_cast<char>('a' + random.below(26));
    return text;
  }
  Point make(uint64_t id, Random& random, test::Canaries* canaries = nullptr) {
    const std::string text = random_text(random);
    Point each = point(Id(id), {}, fmt::format("{{\"text\":\"{}\"}}", text));
    each.vectors = {{"v", f32(random_vector(random, kDim))}, {"small", f32(random_vector(random, 3))}};
    if (canaries != nullptr) {
      canaries->add(text);
      const auto& bytes = each.vectors[0].data;
      canaries->add({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      // Three floats alone would be met by chance.
    }
    return each;
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

std::vector<Case> cases() {
  return {{"flat", {}, 2'000},
          {"hnsw", {{"m", "8"}}, 2'000},
          {"vamana", {}, 6'000},
          {"vamana", {{"memory", "codes"}}, 6'000}};
}
INSTANTIATE_TEST_SUITE_P(Kinds, CompactTest, testing::ValuesIn(cases()), [](const auto& test) {
  return std::string(test.param.kind) +
         (test.param.options.empty() ? "" : "_" + test.param.options[0].second);
});

/// With a writer and a searcher that go on.
void CompactTest::purge_beside_writers(uint64_t removed) {
  const uint64_t sequence = books_->info().sequence;
  std::atomic<bool> done{false};
  std::atomic<uint64_t> written{0}, asked{0};
  std::thread writer([&] {
    Random own(10);
    for (uint64_t id = 1'000'000; !done; ++id, ++written) {
      const Point each = make(id, own);
      must(books_->upsert(std::span(&each, 1), Durability::kAsync));
      if (id % 3 == 0) must(books_->remove(std::vector<Id>{Id(id)}, Durability::kAsync));
    }
  });
  std::thread searcher([&] {
    Random own(11);
    for (; !done; ++asked) {
      Query q = query(random_vector(own, kDim));
      q.field = "v";
      EXPECT_EQ(must(books_->search(q)).hits.size(), 10u);
    }
  });
  const PurgeReceipt receipt = must(db_->compact("books", {}));
  done = true;
  writer.join();
  searcher.join();
  EXPECT_GE(receipt.sequence, sequence);
  EXPECT_GE(receipt.points_removed, removed);
  EXPECT_LE(receipt.points_removed, removed + written);
  EXPECT_GT(receipt.bytes_before, GetParam().points * kDim * 4);
  EXPECT_GT(receipt.bytes_after, 0u);
  EXPECT_GT(written, 0u);
  EXPECT_GT(asked, 0u);
}

TEST_P(CompactTest, WhatWasRemovedIsInNoFile) {
  Random random(9);
  const uint64_t points = GetParam().points;
  test::Canaries canaries;
  std::map<Id, Content> kept;
  std::vector<Id> removed;
  // The first half of the rows goes, half of the extent that all are in, and every seventh of the others.
  const auto goes = [points](uint64_t id) { return id < points / 2 || id % 7 == 0; };
  for (uint64_t from = 0; from < points; from += 500) {
    std::vector<Point> batch;
    for (uint64_t id = from; id < std::min(from + 500, points); ++id) {
      batch.push_back(make(id, random, goes(id) ? &canaries : nullptr));
      if (goes(id)) removed.emplace_back(id);
      const Point& each = batch.back();
      if (!goes(id))
        kept[each.id] = {each.payload, {{"v", each.vectors[0].data}, {"small", each.vectors[1].data}}};
    }
    must(books_->upsert(batch, Durability::kAsync));
    std::vector<Point> neighbours;
    for (uint64_t id = from; id < from + 50; ++id)
      neighbours.push_back(point(Id(id), random_vector(random, kDim)));
    must(must(db_->collection("others"))->upsert(neighbours, Durability::kAsync));
  }
  must(books_->settle({}));
  must(books_->checkpoint());
  // Removed, and replaced by others.
  const size_t half = removed.size() / 2;
  must(books_->remove(std::span(removed).first(half), Durability::kSync));
  for (size_t i = half; i < removed.size(); i += 500) {
    std::vector<Point> batch;
    for (size_t j = i; j < std::min(i + 500, removed.size()); ++j) {
      batch.push_back(make(std::get<uint64_t>(removed[j]), random));
      const Point& each = batch.back();
      kept[each.id] = {each.payload, {{"v", each.vectors[0].data}, {"small", each.vectors[1].data}}};
    }
    must(books_->upsert(batch, Durability::kSync));
  }
  must(books_->checkpoint());
  EXPECT_GT(canaries.found_in(directory_.path()).size(), canaries.size() / 2) << "most is there still";
  purge_beside_writers(removed.size());
  EXPECT_EQ(canaries.found_in(directory_.path()).size(), 0u);

  open();
  EXPECT_EQ(canaries.found_in(directory_.path()).size(), 0u);
  auto content = content_of(*books_, 1'000);
  std::erase_if(content, [](const auto& entry) { return std::get<uint64_t>(entry.first) >= 1'000'000; });
  EXPECT_TRUE(content == kept);
  must(books_->settle({}));
  for (const char* name : {"books", "others"}) {
    const VerifyReport report = must(db_->verify(name, {}));
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  }
}

TEST_P(CompactTest, AReceiptCountsFromTheLastOne) {
  Random random(3);
  std::vector<Point> batch;
  for (uint64_t id = 0; id < 100; ++id) batch.push_back(make(id, random));
  must(books_->upsert(batch, Durability::kAsync));
  EXPECT_EQ(must(db_->compact("books", {})).points_removed, 0u);
  must(books_->remove(std::vector<Id>{Id(uint64_t{1}), Id(uint64_t{2}), Id(uint64_t{777})},
                      Durability::kAsync));
  must(books_->upsert(std::span(batch).first(1), Durability::kAsync));
  const PurgeReceipt receipt = must(db_->compact("books", {}));
  EXPECT_EQ(receipt.points_removed, 3u);
  EXPECT_EQ(receipt.sequence, 3u);
  open();
  must(books_->remove(std::vector<Id>{Id(uint64_t{3})}, Durability::kAsync));
  EXPECT_EQ(must(db_->compact("books", {})).points_removed, 1u);
  EXPECT_EQ(code_of(db_->compact("nowhere", {})), Code::kNotFound);
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  EXPECT_EQ(code_of(db_->compact("books", stop)), Code::kCancelled);
  EXPECT_EQ(must(books_->count()), 97u);
  EXPECT_FALSE(books_->info().fields[0].rebuilding.has_value());
}

}  // namespace
}  // namespace kith
