// Goal: a store over RocksDB whose disk is full refuses writes and reads on, and takes writes again once
// there is space, without being opened anew; what was acknowledged is there and what was refused is not, also
// when the process dies or the power goes at any moment of it. A failed sync is for good. Method: a disk of
// limited size in memory; random batches against a model; every file operation recorded, and the disk opened
// as it was after each of them.
#include <gtest/gtest.h>
#include <rocksdb/env.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <map>
#include <thread>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "base/log.h"
#include "base/random.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

using Model = std::map<std::string, std::string>;
constexpr const char* kStore = "/store";
constexpr uint64_t kPlenty = 64u << 20;

/// Both tables; keys of the second begin with 'v'.
Model content_of(const KvStore& store) {
  Model out;
  const auto view = store.snapshot();
  for (const KvTable table : {KvTable::kRecords, KvTable::kVectors}) {
    auto entry = view->iterate(table, "", "~");
    for (; entry->valid(); entry->next())
      out[(table == KvTable::kVectors ? "v" : "r") + std::string(entry->key())] = entry->value();
    EXPECT_TRUE(entry->status().ok()) << entry->status().error().message;
  }
  return out;
}

std::unique_ptr<KvStore> open_in(FileSystem& fs) {
  auto opened = open_rocksdb_kv_store(kStore, {.memtable_bytes = 128u << 10, .fs = &fs});
  EXPECT_TRUE(opened.ok()) << opened.error().message;
  return opened.ok() ? std::move(*opened) : nullptr;
}

/// A store on a small disk, written to until it is full, and what it must hold.
class FullDiskStore : public testing::Test {
 protected:
  FullDiskStore() : recording_(memory_) {
    set_log_options({LogLevel::kOff, false});
    CHECK(make_durable_directories(recording_, kStore).ok());
    reopen();
  }
  void reopen() {
    store_.reset();
    store_ = open_in(recording_);
  }

  /// Both tables in every batch, the number of the batch among the rest; what it says it is.
  Result<void> write(Random& random) {
    Model next = model_;
    KvBatch batch;
    const std::string number = std::to_string(++batches_);
    std::vector<std::string> values;
    values.reserve(100);
    batch.put(KvTable::kRecords, "number", number);
    batch.put(KvTable::kVectors, "number", number);
    next["rnumber"] = next["vnumber"] = number;
    for (uint64_t i = 1 + random.below(20); i > 0; --i) {
      const std::string key = std::to_string(random.below(60));
      values.push_back(number + std::string(random.below(3000), static_cast<char>('a' + random.below(26))));
      if (random.below(6) == 0) {
        batch.erase(KvTable::kVectors, key);
        next.erase("v" + key);
      } else {
        batch.put(KvTable::kVectors, key, values.back());
        next["v" + key] = values.back();
      }
    }
    // What stays, so that the disk does get full; and long ones, which RocksDB's log does not buffer.
    batch.put(KvTable::kRecords, "stays" + number, std::string(500, 's'));
    next["rstays" + number] = std::string(500, 's');
    if (random.below(10) == 0) {
      batch.put(KvTable::kRecords, "long", std::string(200'000, 'l'));
      next["rlong"] = std::string(200'000, 'l');
    }
    const bool sync = random.below(3) == 0;
    TRY(store_->write(batch, sync ? KvSurvives::kPower : KvSurvives::kProcess));
    model_ = std::move(next);
    if (keep_states_) states_[number] = model_;
    acknowledged_.push_back({recording_.position(), number, sync});
    return {};
  }

  /// Writes until the disk, which has `room` left, is full.
  void fill(Random& random, uint64_t room) {
    const DiskSpace space = *memory_.disk_space("/");
    memory_.set_disk_bytes(space.total - space.free + room);
    Result<void> written;
    for (int i = 0; i < 5000 && written.ok(); ++i) written = write(random);
    ASSERT_FALSE(written.ok()) << "the disk never got full";
    ASSERT_EQ(written.error().code, Code::kResourceExhausted) << written.error().message;
    ASSERT_NE(written.error().message.find("full"), std::string::npos) << written.error().message;
  }

  void expect_refused_at_once(Random& random) {
    std::vector<std::chrono::nanoseconds> took;
    for (int i = 0; i < 10; ++i) {  // the machine may be busy with something else once
      const auto start = std::chrono::steady_clock::now();
      const Result<void> refused = write(random);
      EXPECT_ERROR(refused, Code::kResourceExhausted, "full");
      if (store_->health().ok()) {  // then nothing failed, and a sync need not
        EXPECT_ERROR(refused, Code::kResourceExhausted, "no room to compact");
      } else {
        EXPECT_ERROR(store_->sync(), Code::kResourceExhausted, "full");
      }
      took.push_back(std::chrono::steady_clock::now() - start);
    }
    std::sort(took.begin(), took.end());
    EXPECT_LT(took[5], std::chrono::milliseconds(10));
  }

  /// Compactions of before may be in the way for a moment.
  Result<void> recover() {
    memory_.set_disk_bytes(kPlenty);
    Result<void> recovered = store_->recover();
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!recovered.ok() && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      recovered = store_->recover();
    }
    return recovered;
  }

  void check_all_moments(uint64_t seed);

  MemoryFileSystem memory_;
  RecordingFileSystem recording_;
  std::unique_ptr<KvStore> store_;
  Model model_;
  uint64_t batches_ = 0;
  bool keep_states_ = false;
  std::map<std::string, Model> states_{{"", {}}};  // by number of the last batch
  struct Acknowledged {
    size_t position;
    std::string number;
    bool sync;
  };
  std::vector<Acknowledged> acknowledged_;
};

TEST_F(FullDiskStore, GoesOnAgainAndAgainOnceThereIsSpace) {
  for (uint64_t cycle = 0; cycle < 25; ++cycle) {
    SCOPED_TRACE(fmt::format("cycle and seed {}", cycle));
    Random random(cycle);
    ASSERT_NO_FATAL_FAILURE(fill(random, random.below(400'000)));
    expect_refused_at_once(random);
    ASSERT_EQ(content_of(*store_), model_);
    EXPECT_ERROR(store_->recover(), Code::kResourceExhausted, "full") << "there is no space yet";
    ASSERT_OK(recover());
    EXPECT_OK(store_->health());
    for (int i = 0; i < 5; ++i) ASSERT_OK(write(random));
    ASSERT_EQ(content_of(*store_), model_);
    if (cycle % 6 == 5) {
      reopen();
      ASSERT_NE(store_, nullptr);
      ASSERT_EQ(content_of(*store_), model_);
    }
  }
}

/// The first write after an open finds no space: nothing is in memory that could be flushed.
TEST_F(FullDiskStore, GoesOnWhenTheFirstWriteFoundNoSpace) {
  for (uint64_t cycle = 0; cycle < 5; ++cycle) {
    Random random(100 + cycle);
    ASSERT_OK(write(random));
    reopen();
    ASSERT_NO_FATAL_FAILURE(fill(random, cycle * 10));
    expect_refused_at_once(random);
    ASSERT_OK(recover());
    ASSERT_OK(write(random));
    ASSERT_EQ(content_of(*store_), model_);
    reopen();
    ASSERT_EQ(content_of(*store_), model_);
  }
}

/// Keeps RocksDB's thread for flushes, which all stores share, from beginning any.
class FlushesHeldBack {
 public:
  FlushesHeldBack() {
    const auto wait = [](void* self) {
      auto& held = *static_cast<FlushesHeldBack*>(self);
      held.begun_.set_value();
      held.over_.get_future().wait();
      held.ended_.set_value();
    };
    rocksdb::Env::Default()->Schedule(wait, this, rocksdb::Env::HIGH);
    begun_.get_future().wait();
  }
  ~FlushesHeldBack() {
    over_.set_value();
    ended_.get_future().wait();
  }

 private:
  std::promise<void> begun_, over_, ended_;
};

/// A flush is scheduled when the disk gets full, and begins only then: RocksDB must not forget it.
TEST_F(FullDiskStore, GoesOnThoughAFlushWasAboutToBegin) {
  for (uint64_t cycle = 0; cycle < 20; ++cycle) {
    SCOPED_TRACE(fmt::format("cycle {}", cycle));
    Random random(300 + cycle);
    memory_.set_disk_bytes(kPlenty);
    {
      auto held = std::make_unique<FlushesHeldBack>();
      // More than a memtable, of one table or the other.
      const std::string much(cycle % 2 == 0 ? 100'000 : 140'000, 'm');
      const KvTable table = cycle % 2 == 0 ? KvTable::kRecords : KvTable::kVectors;
      KvBatch batch;
      batch.put(table, "much", much);
      ASSERT_OK(store_->write(batch, KvSurvives::kProcess));
      model_[(table == KvTable::kRecords ? "r" : "v") + std::string("much")] = much;
      ASSERT_OK(write(random));
      std::thread lets_go([&, held = std::move(held)]() mutable {
        while (store_->health().ok()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        held.reset();
      });
      fill(random, random.below(3000));
      lets_go.join();
      if (HasFatalFailure()) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(cycle % 3));
    ASSERT_OK(recover());
    ASSERT_OK(write(random));
    ASSERT_EQ(content_of(*store_), model_);
  }
}

/// What the disk has left is enough for a recovery to begin, and another takes it meanwhile.
TEST_F(FullDiskStore, GoesOnAfterARecoveryThatFoundNoSpaceEither) {
  for (uint64_t cycle = 0; cycle < 20; ++cycle) {
    SCOPED_TRACE(fmt::format("cycle and seed {}", 400 + cycle));
    Random random(400 + cycle);
    ASSERT_NO_FATAL_FAILURE(fill(random, random.below(400'000)));
    for (int attempt = 0; attempt < 3; ++attempt) {
      std::thread other([&] {
        memory_.set_disk_bytes(kPlenty);
        std::this_thread::sleep_for(std::chrono::microseconds(random.below(2000)));
        const DiskSpace space = *memory_.disk_space("/");
        memory_.set_disk_bytes(space.total - space.free);
      });
      (void)store_->recover().ok();
      other.join();
    }
    // A compaction of before may still say that it found none.
    ASSERT_OK(recover());
    for (int i = 0; i < 20 && !write(random).ok(); ++i) ASSERT_OK(recover());
    ASSERT_OK(write(random));
    ASSERT_EQ(content_of(*store_), model_);
  }
}

/// RocksDB asserts that nobody syncs a log after an append to it has failed, if nobody had before.
TEST_F(FullDiskStore, ASyncAtTheMomentThatAWriteFindsNoSpaceEndsNothing) {
  for (uint64_t cycle = 0; cycle < 150; ++cycle) {
    SCOPED_TRACE(fmt::format("cycle and seed {}", 500 + cycle));
    Random random(500 + cycle);
    memory_.set_disk_bytes(kPlenty);
    reopen();  // with a new log
    ASSERT_OK(write(random));
    std::atomic<bool> over{false}, sync_now{false};
    std::vector<std::thread> syncers;
    for (int i = 0; i < 3; ++i)
      syncers.emplace_back([&] {
        while (!sync_now && !over) std::this_thread::yield();
        while (!over) {
          const auto synced = store_->sync();
          EXPECT_TRUE(synced.ok() || synced.error().code == Code::kResourceExhausted)
              << synced.error().message;
        }
      });
    const DiskSpace space = *memory_.disk_space("/");
    memory_.set_disk_bytes(space.total - space.free + random.below(40'000));
    Result<void> written;
    for (int i = 0; i < 1000 && written.ok(); ++i) {
      if (memory_.disk_space("/")->free < 20'000 && random.below(2) == 0) sync_now = true;
      written = write(random);
    }
    EXPECT_ERROR(written, Code::kResourceExhausted, "full");
    over = true;
    for (std::thread& syncer : syncers) syncer.join();
    ASSERT_OK(recover());
    ASSERT_OK(write(random));
    ASSERT_EQ(content_of(*store_), model_);
  }
}

TEST_F(FullDiskStore, ClosedWhileFullItOpensWithEverything) {
  Random random(5);
  ASSERT_NO_FATAL_FAILURE(fill(random, 300'000));
  store_.reset();
  memory_.set_disk_bytes(kPlenty);
  reopen();
  ASSERT_EQ(content_of(*store_), model_);
  ASSERT_OK(write(random));
}

/// What the disk may hold after each operation opens, and is what some batch left: the last one that was
/// acknowledged as durable by then, or a later one that was acknowledged; of those refused nothing is seen.
void FullDiskStore::check_all_moments(uint64_t seed) {
  Random random(seed);
  store_.reset();
  DiskModel disk;
  disk.restart({});
  size_t points = 0;
  for (size_t n = 0; n <= recording_.ops().size(); ++n) {
    if (n > 0) disk.apply(recording_.ops()[n - 1]);
    for (const bool power : {false, true}) {
      if (random.below(4) != 0) continue;
      using Names = PowerLoss::Names;
      using Bytes = PowerLoss::Bytes;
      const PowerLoss how = !power                 ? PowerLoss{Names::kAll, Bytes::kAll}
                            : random.below(2) == 0 ? PowerLoss{Names::kSyncedOnly, Bytes::kSyncedOnly}
                                                   : PowerLoss{Names::kRandomPrefix, Bytes::kTorn};
      MemoryFileSystem fs;
      ASSERT_OK(write_image(fs, disk.after(how, random)));
      SCOPED_TRACE(fmt::format("seed {}, after operation {}, {}", seed, n, power ? "power lost" : "killed"));
      auto store = open_in(fs);
      ASSERT_NE(store, nullptr);
      const Model found = content_of(*store);
      ++points;
      const std::string number = found.contains("rnumber") ? found.at("rnumber") : "";
      ASSERT_TRUE(states_.contains(number)) << "batch " << number << " was refused";
      ASSERT_EQ(found, states_[number]) << "not what batch " << number << " left";
      for (const Acknowledged& each : acknowledged_)
        if (each.position <= n && (each.sync || !power)) {
          ASSERT_GE(std::stoull(number.empty() ? "0" : number), std::stoull(each.number)) << "lost";
        }
    }
  }
  EXPECT_GT(points, 50u);
}

TEST_F(FullDiskStore, AtEveryMomentOfItACrashLosesAndInventsNothing) {
  keep_states_ = true;
  for (uint64_t cycle = 0; cycle < 6; ++cycle) {
    Random random(200 + cycle);
    if (cycle % 2 == 1) reopen();
    ASSERT_NO_FATAL_FAILURE(fill(random, cycle % 2 == 1 ? 100 : random.below(200'000)));
    ASSERT_OK(recover());
    for (int i = 0; i < 3; ++i) ASSERT_OK(write(random));
  }
  check_all_moments(7);
}

TEST(FullDisk, AFailedSyncIsForGoodAlsoWhenItSaysThatTheDiskIsFull) {
  for (const bool disk_full : {false, true}) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, 1);
    auto store = open_in(fs);
    KvBatch batch;
    batch.put(KvTable::kRecords, "a", "1");
    ASSERT_OK(store->write(batch, KvSurvives::kPower));
    fs.arm({.call = FileCall::kSync, .disk_full = disk_full});
    EXPECT_FALSE(store->write(batch, KvSurvives::kPower).ok());
    fs.disarm();
    for (const auto& outcome : {store->recover(), store->health(), store->sync()}) {
      ASSERT_FALSE(outcome.ok());
      EXPECT_NE(outcome.error().message.find("restart"), std::string::npos) << outcome.error().message;
    }
  }
}

TEST(FullDisk, AnAppendThatTheDeviceFailsIsForGood) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  auto store = open_in(fs);
  KvBatch batch;
  batch.put(KvTable::kRecords, "a", "1");
  fs.arm({.call = FileCall::kAppend});
  EXPECT_ERROR(store->write(batch, KvSurvives::kProcess), Code::kFailedPrecondition, "restart");
  fs.disarm();
  EXPECT_ERROR(store->recover(), Code::kFailedPrecondition, "restart");
}

}  // namespace
}  // namespace kith
