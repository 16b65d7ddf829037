// Goal: no update is lost, and none undoes a write that came before it, however many threads are after the
// same points, by id or by filter. Method: every thread owns a member of the payloads of the same few points,
// and must find in it what it wrote last; a point that is written so that it no longer satisfies a filter
// survives those who remove by that filter. Run under TSan too.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "query/filter/filter_text.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr uint64_t kPoints = 3;
constexpr int kWriters = 4;
#ifdef KITH_SANITIZED
constexpr int kRounds = 100;
#else
constexpr int kRounds = 600;
#endif

class UpdateConcurrency : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    db_ = open_at(directory_.path());
    x_ = must(db_->create_collection("x", schema_of({field("v", 2, Metric::kL2, GetParam())})));
  }

  Result<WriteReceipt> update(int writer, int round) {
    Patch patch;
    patch.payload = fmt::format("{{\"w{}\":{}}}", writer, round);
    if (round % 3 == 0)
      return x_->update(must(parse_filter_text(fmt::format("w{} = {}", writer, round - 1))), patch,
                        Durability::kAsync, {});
    if (round % 3 == 1) patch.vectors = {{"", f32({static_cast<float>(writer), static_cast<float>(round)})}};
    std::vector<PointUpdate> updates;
    for (uint64_t id = 0; id < kPoints; ++id) updates.push_back({Id(id), patch});
    return x_->update(updates, Durability::kAsync);
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> x_;
};

TEST_P(UpdateConcurrency, NoUpdateOfTheSamePointsIsLost) {
  std::string start = "{\"kept\":1.50";
  for (int writer = 0; writer < kWriters; ++writer) start += fmt::format(",\"w{}\":0", writer);
  std::vector<Point> points;
  for (uint64_t id = 0; id < kPoints; ++id)
    points.push_back(point(id, {0, static_cast<float>(id)}, start + "}"));
  must(x_->upsert(points, Durability::kAsync));
  {
    std::vector<std::jthread> threads;
    for (int writer = 0; writer < kWriters; ++writer)
      threads.emplace_back([this, writer] {
        for (int round = 1; round <= kRounds && !HasFailure(); ++round) {
          EXPECT_EQ(must(update(writer, round)).updated, kPoints);
          const Filter mine = must(parse_filter_text(fmt::format("w{} = {}", writer, round)));
          EXPECT_EQ(must(x_->count(&mine, {})), kPoints) << "writer " << writer << ", round " << round;
        }
      });
  }
  std::string end = "{\"kept\":1.50";
  for (int writer = 0; writer < kWriters; ++writer) end += fmt::format(",\"w{}\":{}", writer, kRounds);
  for (const auto& [id, content] : content_of(*x_)) EXPECT_EQ(content.payload, end + "}");
  EXPECT_TRUE(must(db_->verify("x", {})).problems.empty());
}

TEST_P(UpdateConcurrency, WhatNoLongerSatisfiesAFilterIsLeftAlone) {
  constexpr uint64_t kTogether = 8;
  constexpr std::chrono::microseconds kBreath{20};  // or the writer waits for locks that others share
  std::atomic<bool> done{false};
  std::atomic<uint64_t> removed{0}, marked{0};
  {
    std::vector<std::jthread> threads;
    threads.emplace_back([&] {
      const Filter old = must(parse_filter_text("state = 'old'"));
      for (; !done; std::this_thread::sleep_for(kBreath))
        removed += must(x_->remove(old, Durability::kAsync, {})).removed;
    });
    threads.emplace_back([&] {
      const Filter old = must(parse_filter_text("state = 'old'"));
      Patch mark;
      mark.payload = R"({"marked":true})";
      for (; !done; std::this_thread::sleep_for(kBreath))
        marked += must(x_->update(old, mark, Durability::kAsync, {})).updated;
    });
    for (int round = 0; round < kRounds / 2 && !HasFailure(); ++round) {
      std::vector<Point> points;
      for (uint64_t id = 0; id < kTogether; ++id) points.push_back(point(id, {1, 2}, R"({"state":"old"})"));
      must(x_->upsert(points, Durability::kAsync));
      for (Point& each : points) each.payload = R"({"state":"new"})";
      must(x_->upsert(points, Durability::kAsync));
      const auto there = content_of(*x_);
      EXPECT_EQ(there.size(), kTogether) << "round " << round;
      for (const auto& [id, content] : there) EXPECT_EQ(content.payload, R"({"state":"new"})");
    }
    done = true;
  }
  EXPECT_GT(removed + marked, 0u);
}

/// A row that is renamed in its index is found at any time, under the payload of one moment.
TEST_P(UpdateConcurrency, SearchesFindWhatKeepsItsVector) {
  constexpr uint64_t kThere = 40;
  std::vector<Point> points;
  for (uint64_t id = 0; id < kThere; ++id)
    points.push_back(point(id, {static_cast<float>(id), 1}, R"({"n":0})"));
  must(x_->upsert(points, Durability::kAsync));
  std::atomic<bool> done{false};
  std::vector<std::jthread> threads;
  for (uint64_t seed = 0; seed < 2; ++seed)
    threads.emplace_back([&, seed] {
      for (uint64_t id = seed; !done && !HasFailure(); id = (id + 7) % kThere) {
        Query near = query({static_cast<float>(id), 1}, 1);
        near.fetch.payload = true;
        if (seed == 1) near.filter = must(parse_filter_text("n >= 0"));
        EXPECT_EQ(ids_of(must(x_->search(near))), std::vector<std::string>{std::to_string(id)});
      }
    });
  for (int round = 1; round <= kRounds && !HasFailure(); ++round) {
    Patch patch;
    patch.payload = fmt::format("{{\"n\":{}}}", round);
    EXPECT_EQ(must(x_->update(Filter{}, patch, Durability::kAsync, {})).updated, kThere);
    if (round % 50 == 0) must(x_->checkpoint());
  }
  done = true;
  threads.clear();
  EXPECT_TRUE(must(db_->verify("x", {})).problems.empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, UpdateConcurrency, testing::Values("flat", "vamana"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace kith
