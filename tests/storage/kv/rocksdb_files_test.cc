// Goal: the files that a store names are the store as of one moment, whatever is written meanwhile; reading a
// store changes none of its bytes; after a purge no file holds an erased value. Method: files are copied
// elsewhere beside writers and opened there; every file is searched for values that only erased entries had.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/random.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "storage/kv/rocksdb_salvage.h"
#include "tests/support/canaries.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

namespace stdfs = std::filesystem;

class RocksFiles : public testing::Test {
 protected:
  void SetUp() override { open(); }
  void open() {
    store_.reset();
    ASSERT_VALUE(opened, open_rocksdb_kv_store(path_, {.memtable_bytes = memtable_bytes_}));
    store_ = std::move(opened);
  }
  void put(const std::string& key, const std::string& value, KvTable table) {
    KvBatch batch;
    batch.put(table, key, value);
    ASSERT_OK(store_->write(batch, KvSurvives::kProcess));
  }
  void erase(const std::string& key, KvTable table) {
    KvBatch batch;
    batch.erase(table, key);
    ASSERT_OK(store_->write(batch, KvSurvives::kProcess));
  }
  static std::string key(uint64_t number) { return fmt::format("k{:08}", number); }
  std::string random_text(size_t bytes) {
    std::string text(bytes, ' ');
    for (char& c : text) c = static_cast<char>('a' + random_.below(26));
    return text;
  }
  static std::map<std::string, std::string> all(const KvSnapshot& view, KvTable table) {
    std::map<std::string, std::string> out;
    auto entry = view.iterate(table, "", "\xff");
    for (; entry->valid(); entry->next()) out.emplace(entry->key(), entry->value());
    EXPECT_OK(entry->status());
    return out;
  }
  std::map<std::string, std::string> bytes_of(const std::string& directory) {
    std::map<std::string, std::string> out;
    for (const auto& entry : stdfs::directory_iterator(directory))
      out[entry.path().filename()] = test::read_bytes(entry.path());
    return out;
  }

  test::TempDir directory_;
  const std::string path_ = directory_ / "store";
  uint64_t memtable_bytes_ = 256u << 10;
  std::unique_ptr<KvStore> store_;
  Random random_{11};
};

/// Values of 20 KiB, a twentieth of which is replaced a round, for six times what lives.
TEST_F(RocksFiles, TrimmedTheyAreLittleMoreThanWhatLives) {
  constexpr uint64_t kKeys = 400, kRounds = 120;
  memtable_bytes_ = 16u << 20;
  open();
  const auto bytes = [&] {
    uint64_t sum = 0;
    for (const auto& entry : stdfs::directory_iterator(path_)) {
      std::error_code gone;
      const uint64_t size = entry.file_size(gone);
      sum += gone ? 0 : size;
    }
    return sum;
  };
  std::map<std::string, std::string> expected;
  const auto replace = [&](uint64_t number) {
    const std::string value = random_text(20 << 10);
    put(key(number), value, KvTable::kVectors);
    expected[key(number)] = value;
  };
  for (uint64_t number = 0; number < kKeys; ++number) replace(number);
  ASSERT_OK(store_->purge(KvTable::kVectors, "", "\xff", {}));
  ASSERT_OK(store_->trim());
  const uint64_t before = bytes();
  EXPECT_LT(before, kKeys * (20 << 10) * 5 / 4);
  for (uint64_t round = 0; round < kRounds; ++round) {
    for (uint64_t i = 0; i < kKeys / 20; ++i) replace(random_.below(kKeys));
    ASSERT_OK(store_->trim());
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (bytes() > before * 3 / 2 && std::chrono::steady_clock::now() < end)  // a compaction is under way
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::printf("%llu KiB of %llu\n", static_cast<unsigned long long>(bytes() >> 10),
              static_cast<unsigned long long>(before >> 10));
  EXPECT_LE(bytes(), before * 3 / 2);
  EXPECT_EQ(all(*store_->snapshot(), KvTable::kVectors), expected);
  open();
  EXPECT_EQ(all(*store_->snapshot(), KvTable::kVectors), expected);
}

TEST_F(RocksFiles, CopiedBesideWritersTheyAreTheStoreOfOneMoment) {
  // Each batch has the same number in both tables: one moment has one number.
  std::atomic<uint64_t> written{0};
  std::atomic<bool> done{false};
  std::thread writer([&] {
    Random random(3);
    for (uint64_t number = 1; !done; ++number) {
      KvBatch batch;
      batch.put(KvTable::kRecords, "last", std::to_string(number));
      batch.put(KvTable::kVectors, "last",
                std::to_string(number) + std::string(1 + random.below(2'000), 'x'));
      batch.put(KvTable::kRecords, key(number), std::to_string(number));
      ASSERT_OK(store_->write(batch, KvSurvives::kProcess));
      written = number;
    }
  });
  size_t with_crc = 0, blobs = 0;
  for (int copy = 0; copy < 6; ++copy) {
    while (written < 2'000u * static_cast<uint64_t>(copy + 1)) std::this_thread::yield();
    const std::string there = directory_ / fmt::format("copy-{}", copy);
    stdfs::create_directory(there);
    const uint64_t before = written;
    const auto held = store_->hold_files([&](std::span<const KvFile> files) -> Result<void> {
      for (const KvFile& file : files) {
        std::this_thread::sleep_for(std::chrono::milliseconds(2));  // compactions may end meanwhile
        std::string bytes =
            file.content.has_value() ? *file.content : test::read_bytes(path_ + '/' + file.name);
        EXPECT_GE(bytes.size(), file.bytes) << file.name;
        if (file.crc.has_value()) {
          ++with_crc;
          blobs += file.name.ends_with(".blob");
          EXPECT_EQ(bytes.size(), file.bytes) << file.name;
          EXPECT_EQ(crc32c(as_bytes(bytes)), *file.crc) << file.name;
        }
        bytes.resize(file.bytes);
        test::write_bytes(there + '/' + file.name, bytes);
      }
      return {};
    });
    ASSERT_OK(held);
    const auto files = bytes_of(there);
    {
      ASSERT_VALUE(view, read_rocksdb_kv_store(there, posix_file_system()));
      const auto records = all(*view, KvTable::kRecords);
      const uint64_t last = std::stoull(records.at("last"));
      EXPECT_GE(last, before);
      EXPECT_EQ(records.size(), last + 1) << "no hole";
      EXPECT_EQ(std::stoull(all(*view, KvTable::kVectors).at("last")), last);
    }
    EXPECT_EQ(bytes_of(there), files) << "reading changed something";
    ASSERT_VALUE(opened, open_rocksdb_kv_store(there, {}));
    EXPECT_GE(all(*opened->snapshot(), KvTable::kRecords).size(), before);
  }
  done = true;
  writer.join();
  EXPECT_GT(with_crc, 12u);
  EXPECT_GT(blobs, 3u);
}

TEST_F(RocksFiles, APurgeTakesErasedValuesOutOfEveryFile) {
  constexpr uint64_t kKeys = 4'000;
  std::map<uint64_t, std::string> texts;
  for (uint64_t number = 0; number < kKeys; ++number) {
    texts[number] = random_text(40);
    put(key(number), texts[number] + std::string(random_.below(300), 'p'), KvTable::kRecords);
    put(key(number), texts[number] + random_text(random_.below(3) == 0 ? 20 : 600), KvTable::kVectors);
    // The same files have neighbours of other ranges.
    put("z" + key(number), random_text(200), KvTable::kVectors);
  }
  test::Canaries canaries;
  for (uint64_t number = 0; number < kKeys; number += 7) {
    canaries.add(texts[number]);
    texts.erase(number);
    erase(key(number), KvTable::kRecords);
    if (number % 2 == 0)
      erase(key(number), KvTable::kVectors);
    else
      put(key(number), "another", KvTable::kVectors);
  }
  // Compactions on their way may have dropped some.
  ASSERT_GT(canaries.found_in(path_).size(), canaries.size() / 2) << "the search finds nothing";

  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint64_t number = kKeys; !done; ++number) {
      put(key(number), "new", KvTable::kRecords);
      put(key(number), std::string(500, 'n'), KvTable::kVectors);
    }
  });
  for (const KvTable table : {KvTable::kRecords, KvTable::kVectors})
    EXPECT_OK(store_->purge(table, "k", "l", Stop{}));
  done = true;
  writer.join();
  EXPECT_EQ(canaries.found_in(path_).size(), 0u);
  const auto records = all(*store_->snapshot(), KvTable::kRecords);
  const auto vectors = all(*store_->snapshot(), KvTable::kVectors);
  for (const auto& [number, text] : texts) {
    ASSERT_EQ(records.at(key(number)).substr(0, 40), text);
    ASSERT_EQ(vectors.at(key(number)).substr(0, 40), text);
    ASSERT_TRUE(vectors.contains("z" + key(number)));
  }
  open();
  EXPECT_GE(all(*store_->snapshot(), KvTable::kRecords).size(), records.size());
}

TEST_F(RocksFiles, APurgeWaitsForReadersOfBefore) {
  const std::string canary = random_text(500);
  test::Canaries canaries;
  canaries.add(canary);
  put("a", canary, KvTable::kVectors);
  auto view = store_->snapshot();
  erase("a", KvTable::kVectors);
  Stop soon;
  soon.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  EXPECT_ERROR(store_->purge(KvTable::kVectors, "a", "b", soon), Code::kDeadlineExceeded, "");
  EXPECT_EQ(canaries.found_in(path_).size(), 1u);
  EXPECT_EQ(all(*view, KvTable::kVectors).at("a"), canary);
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    view.reset();
  });
  EXPECT_OK(store_->purge(KvTable::kVectors, "a", "b", Stop{}));
  later.join();
  EXPECT_EQ(canaries.found_in(path_).size(), 0u);
}

TEST_F(RocksFiles, APurgeCanBeCancelled) {
  for (uint64_t number = 0; number < 2'000; ++number) put(key(number), random_text(1'000), KvTable::kVectors);
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  EXPECT_ERROR(store_->purge(KvTable::kVectors, "k", "l", stop), Code::kCancelled, "");
  put("after", "1", KvTable::kRecords);
  EXPECT_OK(store_->purge(KvTable::kVectors, "k", "l", Stop{}));
}

TEST_F(RocksFiles, ReadingWhatIsNoStoreIsAnError) {
  EXPECT_ERROR(read_rocksdb_kv_store(directory_ / "nowhere", posix_file_system()), Code::kFailedPrecondition,
               "nowhere");
  EXPECT_FALSE(stdfs::exists(directory_ / "nowhere"));
}

TEST_F(RocksFiles, ATruncatedBlobFileIsCorruptionHoweverItIsAsked) {
  std::vector<std::string> keys;
  for (uint64_t number = 0; number < 64; ++number) {
    keys.push_back(key(number));
    put(keys.back(), random_text(256), KvTable::kVectors);
  }
  ASSERT_OK(store_->hold_files([](std::span<const KvFile>) -> Result<void> { return {}; }));  // flushes
  store_.reset();
  size_t cut = 0;
  for (const auto& entry : stdfs::directory_iterator(path_)) {
    if (entry.path().extension() != ".blob") continue;
    stdfs::resize_file(entry.path(), stdfs::file_size(entry.path()) / 2);
    ++cut;
  }
  ASSERT_GT(cut, 0u);
  open();
  const auto view = store_->snapshot();
  EXPECT_ERROR(view->get(KvTable::kVectors, keys.back()), Code::kCorruption, "store");
  const auto none = [](size_t, std::string_view) {};
  EXPECT_ERROR(view->multi_get(KvTable::kVectors, keys, none), Code::kCorruption, "store");
  const std::span lost = std::span(keys).last(4);  // all of whom lie behind the end
  EXPECT_ERROR(view->multi_get(KvTable::kVectors, lost, none), Code::kCorruption, "store");
}

class RocksTable : public RocksFiles {
 protected:
  void SetUp() override {
    RocksFiles::SetUp();
    for (uint64_t number = 0; number < 64; ++number) put(key(number), random_text(20), KvTable::kRecords);
    ASSERT_OK(store_->hold_files([](std::span<const KvFile>) -> Result<void> { return {}; }));  // flushes
    store_.reset();
    for (const auto& entry : stdfs::directory_iterator(path_))
      if (entry.path().extension() == ".sst") table_ = entry.path();
    ASSERT_NE(table_, "");
    whole_ = test::read_bytes(table_);
  }
  void TearDown() override {
    std::ofstream(table_, std::ios::binary) << whole_;
    open();
    EXPECT_EQ(all(*store_->snapshot(), KvTable::kRecords).size(), 64u);
    RocksFiles::TearDown();
  }

  /// Whether an open refuses the table with these bytes; otherwise all is there.
  bool refused(const std::string& damaged) {
    std::ofstream(table_, std::ios::binary) << damaged;
    const auto opened = open_rocksdb_kv_store(path_, {.memtable_bytes = 256u << 10});
    if (opened.ok()) return false;
    EXPECT_EQ(opened.error().code, Code::kCorruption) << opened.error().message;
    return true;
  }

  std::string table_;
  std::string whole_;
};

/// RocksDB takes the properties apart before it knows that they are whole.
TEST_F(RocksTable, DamageAtTheEndIsCorruption) {
  std::vector<size_t> bits;
  for (size_t i = 0; i < 100; ++i)
    bits.push_back(8 * (whole_.size() - 1 - random_.below(1'500)) + random_.below(8));
  // The word at the end of a block, before its type 0: how many restarts, and a bit that says "with a hash".
  const std::string_view word("\1\0\0\0\0", 5);
  for (size_t at = whole_.find(word); at != std::string::npos; at = whole_.find(word, at + 1))
    bits.push_back(8 * (at + 3) + 7);
  ASSERT_GT(bits.size(), 102u);
  size_t noticed = 0;
  for (const size_t bit : bits) {
    std::string damaged = whole_;
    damaged[bit / 8] ^= static_cast<char>(1 << bit % 8);
    noticed += refused(damaged);
  }
  EXPECT_GT(noticed, bits.size() / 2);
}

/// The last 53 bytes have no checksum, and RocksDB makes room for as many bytes as they say. Other bytes may
/// come to stand there, whatever type of checksum they tell of.
TEST_F(RocksTable, LengthsInTheFooterAreNotBelieved) {
  const size_t footer = whole_.size() - 53;
  for (int i = 0; i < 200; ++i) {
    SCOPED_TRACE(i);
    std::string damaged = whole_;
    damaged[footer] = static_cast<char>(i % 5);  // none, crc32c, three of xxHash
    const size_t begin = footer + 1 + random_.below(5);
    for (size_t at = begin; at < footer + 20; ++at) damaged[at] = static_cast<char>(random_.below(256));
    EXPECT_TRUE(refused(damaged));
  }
}

}  // namespace
}  // namespace kith
