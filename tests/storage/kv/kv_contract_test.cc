// Goal: every KvStore keeps the contract of kv_store.h. Method: one parameterised suite over RocksDB, on the
// machine's files and on ours, the std::map twin and the fault twin without faults; random batches are
// compared with a model map.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <map>
#include <thread>

#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "storage/kv/fault_kv_store.h"
#include "storage/kv/memory_kv_store.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

enum class Kind { kRocks, kRocksInMemory, kMemory, kFault };

class KvContract : public testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    data_ = std::make_shared<MemoryKvData>();
    ASSERT_TRUE(memory_.make_directories(directory_.path()).ok());
    reopen();
  }

  void reopen() {
    store_.reset();
    if (GetParam() == Kind::kRocks || GetParam() == Kind::kRocksInMemory) {
      RocksKvOptions options;
      if (GetParam() == Kind::kRocksInMemory) options.fs = &memory_;
      auto opened = open_rocksdb_kv_store(directory_ / "store", options);
      ASSERT_TRUE(opened.ok()) << opened.error().message;
      store_ = std::move(*opened);
    } else {
      store_ = make_memory_kv_store(data_);
      if (GetParam() == Kind::kFault) store_ = make_fault_kv_store(std::move(store_), faults_);
    }
  }

  void write(const KvBatch& batch, KvSurvives survives = KvSurvives::kProcess) {
    const auto written = store_->write(batch, survives);
    ASSERT_TRUE(written.ok()) << written.error().message;
  }
  void put(std::string_view key, std::string_view value, KvTable table = KvTable::kRecords) {
    KvBatch batch;
    batch.put(table, key, value);
    write(batch);
  }
  std::optional<std::string> get(std::string_view key, KvTable table = KvTable::kRecords) {
    auto value = store_->snapshot()->get(table, key);
    EXPECT_TRUE(value.ok());
    return *value;
  }
  static std::map<std::string, std::string> all(const KvSnapshot& view, KvTable table,
                                                std::string_view begin = "",
                                                std::string_view end = "\xff\xff") {
    std::map<std::string, std::string> out;
    auto entry = view.iterate(table, begin, end);
    std::string last;
    for (; entry->valid(); entry->next()) {
      EXPECT_TRUE(out.empty() || std::string_view(last) < entry->key()) << "not ascending";
      last = entry->key();
      out.emplace(entry->key(), entry->value());
    }
    EXPECT_TRUE(entry->status().ok());
    return out;
  }

  test::TempDir directory_;
  MemoryFileSystem memory_;
  std::shared_ptr<MemoryKvData> data_;
  KvFaults faults_;
  std::unique_ptr<KvStore> store_;
};

TEST_P(KvContract, ReadsBackWhatABatchWroteInBothTables) {
  const std::string large(5000, 'v');
  const std::string head = "head-", body = "body";
  KvBatch batch;
  batch.put(KvTable::kRecords, "a", "1");
  batch.put(KvTable::kRecords, "b", "");
  batch.put(KvTable::kVectors, "a", large);
  batch.put_borrowed(KvTable::kVectors, "c", head, body);
  EXPECT_EQ(batch.count(), 4u);
  EXPECT_EQ(batch.bytes(), 4u + 1 + large.size() + head.size() + body.size());
  write(batch, KvSurvives::kPower);
  EXPECT_EQ(get("a"), "1");
  EXPECT_EQ(get("b"), "");
  EXPECT_EQ(get("c"), std::nullopt);
  EXPECT_EQ(get("a", KvTable::kVectors), large);
  EXPECT_EQ(get("c", KvTable::kVectors), "head-body");
}

TEST_P(KvContract, LaterChangesOfABatchWinOverEarlierOnes) {
  KvBatch batch;
  batch.put(KvTable::kRecords, "a", "1");
  batch.erase(KvTable::kRecords, "a");
  batch.put(KvTable::kRecords, "b", "1");
  batch.put(KvTable::kRecords, "b", "2");
  batch.erase_range(KvTable::kRecords, "c", "d");
  batch.put(KvTable::kRecords, "c1", "kept");
  write(batch);
  EXPECT_EQ(get("a"), std::nullopt);
  EXPECT_EQ(get("b"), "2");
  EXPECT_EQ(get("c1"), "kept");
}

TEST_P(KvContract, RangesAreErasedWithoutTheirEnd) {
  for (const char* key : {"a", "b", "b\x01", "c", "d"}) put(key, key);
  KvBatch batch;
  batch.erase_range(KvTable::kRecords, "b", "c");
  write(batch);
  const auto left = all(*store_->snapshot(), KvTable::kRecords);
  EXPECT_EQ(left, (std::map<std::string, std::string>{{"a", "a"}, {"c", "c"}, {"d", "d"}}));
  EXPECT_TRUE(store_->reclaim(KvTable::kRecords, "b", "c").ok());
  EXPECT_EQ(all(*store_->snapshot(), KvTable::kRecords), left);
}

TEST_P(KvContract, SnapshotsStandStill) {
  put("a", "old");
  put("b", "old");
  const auto before = store_->snapshot();
  auto walk = before->iterate(KvTable::kRecords, "", "z");
  put("a", "new");
  KvBatch batch;
  batch.erase(KvTable::kRecords, "b");
  write(batch);
  put("c", "new");
  EXPECT_EQ(*before->get(KvTable::kRecords, "a"), "old");
  EXPECT_EQ(*before->get(KvTable::kRecords, "b"), "old");
  EXPECT_EQ(all(*before, KvTable::kRecords).size(), 2u);
  ASSERT_TRUE(walk->valid());
  EXPECT_EQ(walk->value(), "old");
  EXPECT_EQ(get("a"), "new");
  EXPECT_EQ(get("b"), std::nullopt);
}

TEST_P(KvContract, KeysSortAsUnsignedBytesAndRangesAreHalfOpen) {
  const std::string high("\xff", 1), zero("\0", 1);
  for (const auto& key : {high, zero, std::string("m"), std::string("\x7f"), std::string("\x80")})
    put(key, "x");
  std::vector<std::string> keys;
  const auto view = store_->snapshot();
  for (auto entry = view->iterate(KvTable::kRecords, "m", high); entry->valid(); entry->next())
    keys.emplace_back(entry->key());
  EXPECT_EQ(keys, (std::vector<std::string>{"m", "\x7f", "\x80"}));
}

TEST_P(KvContract, MultiGetTellsWhichKeysExist) {
  std::vector<std::string> keys;
  KvBatch batch;
  for (int i = 0; i < 3000; ++i) {  // more than one chunk
    keys.push_back("key" + std::to_string(i * 7919 % 3000));
    if (i % 3 == 0) batch.put(KvTable::kVectors, keys.back(), keys.back() + std::string(200, '!'));
  }
  write(batch);
  std::vector<size_t> found;
  const auto view = store_->snapshot();
  const auto got = view->multi_get(KvTable::kVectors, keys, [&](size_t i, std::string_view value) {
    found.push_back(i);
    EXPECT_EQ(value, keys[i] + std::string(200, '!'));
  });
  ASSERT_TRUE(got.ok());
  ASSERT_EQ(found.size(), 1000u);
  for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], i * 3);
}

TEST_P(KvContract, RandomBatchesMatchAModelAndSurviveReopening) {
  const uint64_t seed = 20260101 + static_cast<uint64_t>(GetParam());
  SCOPED_TRACE("seed " + std::to_string(seed));
  Random random(seed);
  std::map<std::string, std::string> model[kKvTables];
  for (int round = 0; round < 200; ++round) {
    KvBatch batch;
    for (uint64_t i = random.below(20); i > 0; --i) {
      const auto table = static_cast<KvTable>(random.below(kKvTables));
      auto& expected = model[static_cast<size_t>(table)];
      const std::string key = std::to_string(random.below(100));
      const std::string other = std::to_string(random.below(100));
      const uint64_t kind = random.below(10);
      if (kind < 7) {
        const std::string value(random.below(400), static_cast<char>('a' + random.below(26)));
        batch.put(table, key, value);
        expected[key] = value;
      } else if (kind < 9) {
        batch.erase(table, key);
        expected.erase(key);
      } else if (key < other) {
        batch.erase_range(table, key, other);
        expected.erase(expected.lower_bound(key), expected.lower_bound(other));
      }
    }
    write(batch, random.below(4) == 0 ? KvSurvives::kPower : KvSurvives::kProcess);
    if (random.below(40) == 0) reopen();
    for (size_t table = 0; table < kKvTables; ++table)
      ASSERT_EQ(all(*store_->snapshot(), static_cast<KvTable>(table)), model[table]) << "round " << round;
  }
  ASSERT_TRUE(store_->sync().ok());
}

TEST_P(KvContract, WritersAndReadersRunSideBySide) {
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done) {
      const auto view = store_->snapshot();
      const auto x = view->get(KvTable::kRecords, "x"), y = view->get(KvTable::kVectors, "x");
      ASSERT_TRUE(x.ok() && y.ok());
      ASSERT_EQ(*x, *y) << "half a batch is visible";
    }
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < 2; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 300; ++i) {
        KvBatch batch;
        batch.put(KvTable::kRecords, "x", std::to_string(w * 1000 + i));
        batch.put(KvTable::kVectors, "x", std::to_string(w * 1000 + i));
        ASSERT_TRUE(store_->write(batch, KvSurvives::kProcess).ok());
      }
    });
  }
  for (auto& writer : writers) writer.join();
  done = true;
  reader.join();
}

std::string kind_name(const testing::TestParamInfo<Kind>& info) {
  const char* names[] = {"rocks", "rocks_in_memory", "memory", "fault"};
  return names[static_cast<size_t>(info.param)];
}
INSTANTIATE_TEST_SUITE_P(All, KvContract,
                         testing::Values(Kind::kRocks, Kind::kRocksInMemory, Kind::kMemory, Kind::kFault),
                         kind_name);

TEST(FaultKvStore, TheNthWriteFailsAndPoisonsTheStore) {
  for (const bool leaves_batch : {false, true}) {
    KvFaults faults;
    auto data = std::make_shared<MemoryKvData>();
    auto store = make_fault_kv_store(make_memory_kv_store(data), faults);
    faults.writes_until_failure = 1;
    faults.leaves_batch = leaves_batch;
    faults.disk_full = true;
    KvBatch batch;
    batch.put(KvTable::kRecords, "a", "1");
    EXPECT_TRUE(store->write(batch, KvSurvives::kPower).ok());
    batch.clear();
    batch.put(KvTable::kRecords, "a", "2");
    for (int i = 0; i < 3; ++i) {
      const auto failed = store->write(batch, KvSurvives::kPower);
      ASSERT_FALSE(failed.ok());
      EXPECT_EQ(failed.error().code, Code::kResourceExhausted);
    }
    EXPECT_FALSE(store->sync().ok());
    EXPECT_FALSE(store->health().ok());
    EXPECT_EQ(*store->snapshot()->get(KvTable::kRecords, "a"), "1") << "readable before it was opened anew";
    EXPECT_EQ(*make_memory_kv_store(data)->snapshot()->get(KvTable::kRecords, "a"), leaves_batch ? "2" : "1");
  }
}

TEST(RocksKvStore, RefusesAMissingDirectoryWhenNotToCreate) {
  const test::TempDir directory;
  const auto opened = open_rocksdb_kv_store(directory / "store", {.create_if_missing = false});
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message.find(directory.path()), std::string::npos) << opened.error().message;
}

TEST(RocksKvStore, AFlippedByteInATableIsCorruptionThatNamesTheFile) {
  const test::TempDir directory;
  const std::string value(1000, 'v');
  for (int round = 0; round < 2; ++round) {  // the second open turns the log into a table
    auto store = *open_rocksdb_kv_store(directory / "store", {});
    KvBatch batch;
    for (int i = 0; i < 200; ++i) batch.put(KvTable::kVectors, "key" + std::to_string(i), value);
    if (round > 0) continue;
    ASSERT_TRUE(store->write(batch, KvSurvives::kPower).ok());
  }
  int damaged = 0;
  for (const auto& file : std::filesystem::directory_iterator(directory / "store")) {
    if (file.path().extension() != ".blob") continue;
    std::FILE* stream = std::fopen(file.path().c_str(), "r+b");
    std::fseek(stream, static_cast<long>(file.file_size() / 2), SEEK_SET);
    std::fputc('X', stream);
    std::fclose(stream);
    ++damaged;
  }
  ASSERT_EQ(damaged, 1);
  auto store = *open_rocksdb_kv_store(directory / "store", {.create_if_missing = false});
  const auto view = store->snapshot();
  auto entry = view->iterate(KvTable::kVectors, "", "z");
  int whole = 0;
  for (; entry->valid(); entry->next()) ++whole;
  EXPECT_LT(whole, 200);
  ASSERT_FALSE(entry->status().ok());
  EXPECT_EQ(entry->status().error().code, Code::kCorruption);
  EXPECT_NE(entry->status().error().message.find(directory.path()), std::string::npos)
      << entry->status().error().message;
}

}  // namespace
}  // namespace kith
