// Goal: readers beside writers see whole batches and never miss a point that is always there. Method: every
// batch gives all points of its group the same value, so a read of half a batch shows; points are replaced
// or updated all the time but never removed, so each search must find them all; run under TSan too.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr int kWriters = 3;
constexpr uint64_t kGroup = 8;  // points of one writer

class Concurrency : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    db_ = open_at(directory_.path());
    x_ = must(db_->create_collection("x", schema_of({field("v", 2, Metric::kL2, GetParam())})));
    for (int writer = 0; writer < kWriters; ++writer) must(x_->upsert(group(writer, 0), Durability::kAsync));
  }

  static std::vector<Point> group(int writer, int round) {
    std::vector<Point> points;
    for (uint64_t i = 0; i < kGroup; ++i)
      points.push_back(point(Id(static_cast<uint64_t>(writer) * kGroup + i),
                             {static_cast<float>(round), static_cast<float>(i)},
                             fmt::format("{{\"r\":{}}}", round)));
    return points;
  }

  /// The same points, new or changed.
  void write(int writer, int round) {
    const auto durability = round % 8 == 0 ? Durability::kSync : Durability::kAsync;
    if (round % 2 == 0) return static_cast<void>(must(x_->upsert(group(writer, round), durability)));
    std::vector<PointUpdate> updates;
    for (Point& each : group(writer, round)) {
      PointUpdate& update = updates.emplace_back();
      update.id = each.id;
      update.patch.payload = std::move(each.payload);
      update.patch.vectors = std::move(each.vectors);
    }
    EXPECT_EQ(must(x_->update(updates, durability)).updated, kGroup);
  }

  void check_groups(const std::map<uint64_t, std::string>& payloads, const char* what) {
    ASSERT_EQ(payloads.size(), kWriters * kGroup) << what;
    for (const auto& [id, payload] : payloads)
      ASSERT_EQ(payload, payloads.at(id / kGroup * kGroup)) << what << " shows half a batch, id " << id;
  }

  void read_once(int turn) {
    std::map<uint64_t, std::string> payloads;
    if (turn % 4 == 0) {
      for (const auto& [id, content] : content_of(*x_, 1000)) {
        const auto number = std::get<uint64_t>(id);
        payloads[number] = content.payload;
        const int round = std::atoi(content.payload.c_str() + 5);
        ASSERT_EQ(content.vectors.at("v"), group(0, round)[number % kGroup].vectors[0].data)
            << "a point half changed: " << content.payload;
      }
      return check_groups(payloads, "scroll");
    }
    if (turn % 4 == 1) {
      std::vector<Id> ids;
      for (uint64_t id = 0; id < kWriters * kGroup; ++id) ids.emplace_back(id);
      for (const auto& each : must(x_->get(ids, {.payload = true, .vectors = true}))) {
        ASSERT_TRUE(each.has_value());
        payloads[std::get<uint64_t>(each->id)] = each->payload;
      }
      return check_groups(payloads, "get");
    }
    Query all = query({3, 3}, 100);
    all.effort = 500;
    all.exact = turn % 4 == 2;
    all.fetch.payload = true;
    const auto answer =
        turn % 8 == 3 ? must(x_->search_batch(std::vector{all, all})).at(1) : must(x_->search(all));
    for (const Hit& hit : answer.hits) payloads[std::get<uint64_t>(hit.id)] = hit.payload;
    ASSERT_EQ(answer.hits.size(), payloads.size()) << "an id twice";
    check_groups(payloads, all.exact ? "exact search" : "search");
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> x_;
};

TEST_P(Concurrency, ReadersSeeWholeBatchesAndMissNothing) {
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int round = 1; round <= 150; ++round) write(writer, round);
    });
  }
  std::vector<std::thread> readers;
  std::atomic<int> reads{0};
  for (int reader = 0; reader < 2; ++reader) {
    readers.emplace_back([&, reader] {
      for (int turn = reader; !done && !HasFatalFailure(); ++turn, ++reads) read_once(turn);
    });
  }
  for (std::thread& thread : threads) thread.join();
  done = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GT(reads, 8);
  EXPECT_EQ(x_->info().sequence, kWriters * 151u);
  const auto report = must(db_->verify("x", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

/// Wide points of new ids go into an index in several steps; a search that runs meanwhile shows all of a
/// batch or none.
TEST_P(Concurrency, BatchesOfNewIdsAppearWhole) {
  constexpr uint32_t kWide = 768;
  constexpr uint64_t kBatch = 300;
  auto wide = must(db_->create_collection("wide", schema_of({field("v", kWide, Metric::kL2, GetParam())})));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t batch = 0; batch < 12; ++batch) {
      std::vector<Point> points;
      for (uint64_t i = 0; i < kBatch; ++i)  // each batch nearer to the query than all before
        points.push_back(
            point(batch * kBatch + i, std::vector<float>(kWide, 100.0F - static_cast<float>(batch))));
      must(wide->upsert(points, Durability::kAsync));
    }
    done = true;
  });
  Query all = query(std::vector<float>(kWide, 0.0F), 5000);
  for (bool last = false; !last;) {
    last = done;
    const uint64_t found = must(wide->search(all)).hits.size();
    const auto many = must(wide->search_batch(std::vector{all, all}));
    for (const uint64_t hits : {found, uint64_t{many[0].hits.size()}, uint64_t{many[1].hits.size()}})
      if (hits % kBatch != 0) {
        ADD_FAILURE() << hits << " hits: part of a batch";
        last = true;
      }
  }
  writer.join();
  EXPECT_EQ(must(wide->search(all)).hits.size(), 12 * kBatch);
}

TEST_P(Concurrency, WritersOfOneIdTakeTurns) {
  std::vector<std::thread> threads;
  std::atomic<uint64_t> inserted{0}, replaced{0}, removed{0};
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      for (int round = 0; round < 200; ++round) {
        const auto receipt =
            (round + writer) % 3 == 0
                ? must(x_->remove(std::vector{Id(std::string("hot"))}, Durability::kAsync))
                : must(x_->upsert(std::vector{point(Id(std::string("hot")), {1, 1})}, Durability::kAsync));
        inserted += receipt.inserted;
        replaced += receipt.replaced;
        removed += receipt.removed;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(must(x_->count()), kWriters * kGroup + inserted - removed);
  EXPECT_LE(inserted - removed, 1u);
  EXPECT_GT(replaced, 0u);
  EXPECT_TRUE(must(db_->verify("x", {})).problems.empty());
}

TEST_P(Concurrency, DroppingWhileOthersWorkEndsInNotFound) {
  std::vector<std::thread> threads;
  const Filter some{NumberRange{{{"r"}}, {{FilterNumber(int64_t{0})}}, {}}};
  Patch patch;
  patch.payload = R"({"s":1})";
  for (int worker = 0; worker < 6; ++worker) {
    threads.emplace_back([&, worker] {
      for (int round = 0;; ++round) {
        std::optional<Code> code;
        if (worker < 2)
          code = code_of(x_->upsert(group(worker, round), Durability::kAsync));
        else if (worker == 2)
          code = code_of(x_->update(some, patch, Durability::kAsync, {}));
        else if (worker == 3)
          code = code_of(x_->remove(some, Durability::kAsync, {}));
        else
          code = code_of(x_->search(query({1, 1})));
        if (!code.has_value()) continue;
        EXPECT_EQ(*code, Code::kNotFound);
        return;
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  must(db_->drop_collection("x"));
  for (std::thread& thread : threads) thread.join();
  x_.reset();
  db_.reset();
  EXPECT_TRUE(open_at(directory_.path())->collection_names().empty());
}

INSTANTIATE_TEST_SUITE_P(Kinds, Concurrency, testing::Values("flat", "hnsw"));

}  // namespace
}  // namespace kith
