// Goal: a write that the store refuses changes nothing in memory, reads go on, and opening anew finds each
// request whole or not at all. Method: fail the nth write of random batches, with and without the batch
// reaching the store.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "base/random.h"
#include "query/collection/local_database.h"
#include "storage/kv/fault_kv_store.h"
#include "storage/kv/memory_kv_store.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

std::unique_ptr<Database> open_over(std::unique_ptr<KvStore> store) {
  return must(
      LocalDatabase::open(std::make_shared<Engine>(new_memory_files(), "test", nullptr, std::move(store), 2,
                                                   std::chrono::milliseconds(20)),
                          CheckpointPolicy{}));
}

using Model = std::map<Id, Content>;

std::vector<Point> random_points(Random& random, Model& model) {
  std::vector<Point> points;
  for (uint64_t i = 1 + random.below(8); i > 0; --i) {
    const Id id(random.below(1000));
    if (std::any_of(points.begin(), points.end(), [&](const Point& each) { return each.id == id; })) continue;
    const auto value = static_cast<float>(random.below(1000));
    points.push_back(point(id, {value, 1}, fmt::format("{{\"n\":{}}}", value)));
    model[id] = {points.back().payload, {{"v", points.back().vectors[0].data}}};
  }
  return points;
}

TEST(WriteFailure, AtEveryNthWriteNothingChangesAndReadsGoOn) {
  for (int64_t nth = 0; nth < 24; ++nth) {
    for (const bool leaves_batch : {false, true}) {
      const uint64_t seed = 1000 + static_cast<uint64_t>(nth);
      SCOPED_TRACE(fmt::format("write {} fails, leaves batch {}, seed {}", nth, leaves_batch, seed));
      Random random(seed);
      auto data = std::make_shared<MemoryKvData>();
      KvFaults faults;
      auto db = open_over(make_fault_kv_store(make_memory_kv_store(data), faults));
      auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
      faults.leaves_batch = leaves_batch;
      faults.disk_full = nth % 2 == 0;
      faults.writes_until_failure = nth;

      Model model, next;
      Result<WriteReceipt> last = WriteReceipt{};
      for (int64_t i = 0; i <= nth; ++i) {
        ASSERT_TRUE(last.ok());
        model = next;
        last = x->upsert(random_points(random, next), Durability::kSync);
      }
      ASSERT_EQ(code_of(last), nth % 2 == 0 ? Code::kResourceExhausted : Code::kFailedPrecondition);
      EXPECT_EQ(content_of(*x), model);
      EXPECT_EQ(x->info().sequence, static_cast<uint64_t>(nth));
      EXPECT_EQ(must(x->count()), model.size());
      EXPECT_EQ(must(x->search(query({5, 1}, 1000))).hits.size(), model.size());
      EXPECT_FALSE(x->remove(std::vector{Id(uint64_t{1})}, Durability::kAsync).ok())
          << "the store stays read-only";
      EXPECT_FALSE(db->create_collection("y", schema_of({field("v", 2)})).ok());
      EXPECT_EQ(content_of(*x), model);

      x.reset();
      db.reset();
      db = open_over(make_memory_kv_store(data));
      x = must(db->collection("x"));
      EXPECT_EQ(content_of(*x), leaves_batch ? next : model);
      EXPECT_EQ(x->info().sequence, static_cast<uint64_t>(nth) + (leaves_batch ? 1 : 0));
      const auto report = must(db->verify("x", {}));
      EXPECT_TRUE(report.problems.empty()) << report.problems.front();
    }
  }
}

TEST(WriteFailure, ACreateThatFailsLeavesNoCollection) {
  auto data = std::make_shared<MemoryKvData>();
  KvFaults faults;
  auto db = open_over(make_fault_kv_store(make_memory_kv_store(data), faults));
  faults.writes_until_failure = 0;
  EXPECT_FALSE(db->create_collection("x", schema_of({field("v", 2)})).ok());
  EXPECT_TRUE(db->collection_names().empty());
  EXPECT_TRUE(open_over(make_memory_kv_store(data))->collection_names().empty());
}

TEST(WriteFailure, ReadsOfDamagedBytesAreErrorsNotAnswers) {
  auto data = std::make_shared<MemoryKvData>();
  KvFaults faults;
  auto db = open_over(make_fault_kv_store(make_memory_kv_store(data), faults));
  auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
  must(x->upsert(std::vector{point(uint64_t{1}, {1, 2}, "{}")}, Durability::kSync));
  faults.reads_fail = true;
  EXPECT_EQ(code_of(x->get(std::vector{Id(uint64_t{1})}, {.payload = true})), Code::kCorruption);
  EXPECT_EQ(code_of(x->scroll({}, 10, {})), Code::kCorruption);
  Query q = query({1, 2});
  EXPECT_TRUE(x->search(q).ok()) << "needs no stored byte";
  q.fetch.payload = true;
  EXPECT_EQ(code_of(x->search(q)), Code::kCorruption);
  EXPECT_FALSE(must(db->verify("x", {})).problems.empty());
}

TEST(WriteFailure, ASyncWriteIsSyncedAndAnAsyncOneSoonAfter) {
  auto data = std::make_shared<MemoryKvData>();
  KvFaults faults;
  auto db = open_over(make_fault_kv_store(make_memory_kv_store(data), faults));
  auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
  uint64_t syncs = faults.syncs;
  must(x->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kSync));
  EXPECT_EQ(faults.syncs, syncs + 1);
  syncs = faults.syncs;
  must(x->upsert(std::vector{point(uint64_t{2}, {1, 2})}, Durability::kAsync));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (faults.syncs == syncs && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_GT(faults.syncs, syncs) << "nothing synced the asynchronous write";
}

TEST(WriteFailure, WithoutMemoryAWriteIsRefusedAndTheNextGoesThrough) {
  KvFaults faults;
  auto db = open_over(make_fault_kv_store(make_memory_kv_store(std::make_shared<MemoryKvData>()), faults));
  auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
  const std::vector points = {point(uint64_t{1}, {1, 2})};
  faults.no_memory = true;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i)
    writers.emplace_back(
        [&] { EXPECT_EQ(code_of(x->upsert(points, Durability::kSync)), Code::kResourceExhausted); });
  for (std::thread& writer : writers) writer.join();
  faults.no_memory = false;
  EXPECT_EQ(must(x->count()), 0u);
  EXPECT_EQ(must(x->upsert(points, Durability::kSync)).sequence, 1u);
  EXPECT_EQ(must(x->search(query({1, 2}))).hits.size(), 1u);
  must(db->drop_collection("x"));
}

/// On a disk that syncs slower than the window, asynchronous writers are held back: each of these syncs
/// itself once the oldest unsynced write is older than the window (20 ms).
TEST(WriteFailure, ASlowDiskHoldsAsynchronousWritersToTheirWindow) {
  KvFaults faults;
  auto db = open_over(make_fault_kv_store(make_memory_kv_store(std::make_shared<MemoryKvData>()), faults));
  auto x = must(db->create_collection("x", schema_of({field("v", 2)})));
  faults.sync_ms = 3000;
  must(x->upsert(std::vector{point(uint64_t{1}, {1, 2})}, Durability::kAsync));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the flusher is in its sync by now
  const uint64_t before = faults.syncs;
  must(x->upsert(std::vector{point(uint64_t{2}, {1, 2})}, Durability::kAsync));
  EXPECT_EQ(faults.syncs, before + 1) << "acknowledged while older writes were overdue";
}

}  // namespace
}  // namespace kith
