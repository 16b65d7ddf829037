// Goal: a store notices when a record that it had synced is not whole any more, and never takes for damage
// what a crash leaves behind. Method: stores over a recorded file system, cut, flipped and torn at every kind
// of place; records of all lengths, so that they lie across the fragments and blocks of the log every way.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/bytes.h"
#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "base/random.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "storage/kv/rocksdb_salvage.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

const std::string kDirectory = "/store";

Result<std::unique_ptr<KvStore>> open(FileSystem& fs) {
  RocksKvOptions options;
  options.fs = &fs;
  return open_rocksdb_kv_store(kDirectory, options);
}

void write(KvStore& store, uint64_t number, size_t bytes, KvSurvives survives) {
  KvBatch batch;
  batch.put(KvTable::kRecords, fmt::format("key{:06}", number), std::string(bytes, 'v'));
  ASSERT_OK(store.write(batch, survives));
}

/// Keys 0, 1, .. without a gap; how many.
size_t keys_of(KvStore& store) {
  const auto view = store.snapshot();
  size_t count = 0;
  for (auto entry = view->iterate(KvTable::kRecords, "", "z"); entry->valid(); entry->next(), ++count)
    EXPECT_EQ(entry->key(), fmt::format("key{:06}", count));
  return count;
}

/// The one log of the image.
std::vector<std::byte>& log_of(DiskImage& image) {
  std::vector<std::byte>* log = nullptr;
  for (const auto& [path, id] : image.names)
    if (path.ends_with(".log")) log = &image.files.at(id);
  return *log;
}

/// What a killed process leaves that wrote `lengths`, one record each, and how long its log was after each.
struct Written {
  DiskImage image;
  std::vector<size_t> ends;
};
Written write_all(const std::vector<size_t>& lengths, KvSurvives survives, bool tables = false) {
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  if (tables) {  // of every kind, from an earlier run
    KvBatch batch;
    batch.put(KvTable::kVectors, "vector", std::string(500, 'v'));
    EXPECT_OK((*open(fs))->write(batch, KvSurvives::kPower));
  }
  const auto store = *open(fs);
  Written written;
  DiskModel disk;
  size_t applied = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    write(*store, i, lengths[i], survives);
    const size_t position = fs.position();
    for (; applied < position; ++applied) disk.apply(fs.ops()[applied]);
    DiskImage now = disk.now();
    written.ends.push_back(log_of(now).size());
    if (i + 1 == lengths.size()) written.image = std::move(now);
  }
  return written;
}

std::vector<size_t> random_lengths(Random& random, size_t count) {
  std::vector<size_t> lengths;
  for (size_t i = 0; i < count; ++i)
    lengths.push_back(random.below(5) == 0 ? random.below(70'000) : random.below(3'000));
  return lengths;
}

Result<size_t> keys_in(const DiskImage& image) {
  MemoryFileSystem fs;
  TRY(write_image(fs, image));
  const auto store = TRY(open(fs));
  return keys_of(*store);
}

TEST(DurableMarks, DamageBelowALaterRecordIsNoticedAtAnyPlace) {
  for (uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Written written = write_all(random_lengths(random, 30), KvSurvives::kPower);
    // The last record says how long the log was before it.
    const size_t vouched = written.ends[written.ends.size() - 2];
    for (int i = 0; i < 40; ++i) {
      DiskImage image = written.image;
      auto& log = log_of(image);
      const size_t at = random.below(vouched);
      log[at] ^= static_cast<std::byte>(1u << random.below(8));
      const auto keys = keys_in(image);
      // Zeros that fill the end of a block say nothing.
      if (keys.ok())
        EXPECT_TRUE(*keys == written.ends.size() && at % 32768 > 32768 - 7) << at << ": " << *keys << " keys";
      else
        EXPECT_ERROR(keys, Code::kCorruption, ".log' is damaged");
    }
    EXPECT_EQ(*keys_in(written.image), written.ends.size());
  }
}

TEST(DurableMarks, AReaderNoticesTooAndChangesNothing) {
  Random random(3);
  const Written written = write_all(random_lengths(random, 10), KvSurvives::kPower);
  DiskImage image = written.image;
  log_of(image)[10] ^= std::byte{1};
  MemoryFileSystem memory;
  ASSERT_OK(write_image(memory, image));
  RecordingFileSystem fs(memory);
  EXPECT_ERROR(read_rocksdb_kv_store(kDirectory, fs), Code::kCorruption, ".log' is damaged");
  EXPECT_EQ(fs.position(), 0u);
}

TEST(DurableMarks, WhatNobodyVouchesForIsATornEnd) {
  Random random(7);
  const Written written = write_all(random_lengths(random, 30), KvSurvives::kPower);
  for (size_t cut = 0; cut < written.ends.size(); ++cut) {
    DiskImage image = written.image;
    auto& log = log_of(image);
    const size_t begin = cut == 0 ? 0 : written.ends[cut - 1];
    log.resize(begin + random.below(written.ends[cut] - begin));
    const auto keys = keys_in(image);
    ASSERT_OK(keys);
    EXPECT_EQ(*keys, cut);
  }
}

TEST(DurableMarks, WithoutSyncsAnyEndMayBeTorn) {
  Random random(8);
  const Written written = write_all(random_lengths(random, 30), KvSurvives::kProcess);
  for (int i = 0; i < 60; ++i) {
    DiskImage image = written.image;
    auto& log = log_of(image);
    const size_t at = random.below(log.size());
    log[at] ^= std::byte{1};
    const auto keys = keys_in(image);
    ASSERT_OK(keys);
    const auto whole = std::upper_bound(written.ends.begin(), written.ends.end(), at) - written.ends.begin();
    const bool padding = at % 32768 > 32768 - 7;  // perhaps
    EXPECT_TRUE(*keys == static_cast<size_t>(whole) || padding) << at << ": " << *keys << " keys";
  }
}

/// A misdirected or a lost write where nobody vouches for the log: RocksDB would replay the intact records
/// that it left, one twice or one not at all.
TEST(DurableMarks, IntactRecordsThatDoNotBelongAreNoticed) {
  const std::vector<size_t> lengths(20, 500);  // all in the first block
  const Written written = write_all(lengths, KvSurvives::kProcess, true);
  const auto spliced = [&](size_t keep, size_t from) {  // the log to record `keep`, then from `from` on
    DiskImage image = written.image;
    auto& log = log_of(image);
    const std::vector<std::byte> whole = log;
    log.resize(written.ends[keep]);
    log.insert(log.end(), whole.begin() + static_cast<std::ptrdiff_t>(written.ends[from - 1]), whole.end());
    return image;
  };
  for (const auto& [keep, from] : {std::pair<size_t, size_t>{10, 10}, {10, 3}, {19, 19}, {10, 12}, {2, 19}}) {
    SCOPED_TRACE(fmt::format("records to {}, then from {}", keep, from));
    const DiskImage image = spliced(keep, from);
    EXPECT_ERROR(keys_in(image), Code::kCorruption, "belongs elsewhere");

    MemoryFileSystem fs;
    ASSERT_OK(write_image(fs, image));
    for (const bool manifest : {true, false}) {
      const auto names = *fs.list(kDirectory);
      for (const std::string& name : names)
        if (!manifest && name.starts_with("MANIFEST")) {
          ASSERT_OK(fs.remove(kDirectory + "/" + name));
        }
      const auto salvage = salvage_rocksdb_kv_store(kDirectory, fmt::format("/scratch{}", manifest), fs);
      ASSERT_OK(salvage);
      const auto held = [&](size_t i) {
        return salvage->view->get(KvTable::kRecords, fmt::format("key{:06}", i));
      };
      for (size_t i = 0; i < lengths.size(); ++i) {
        const bool lost = i > keep && (i < from || (!manifest && from <= keep));
        ASSERT_OK(held(i));
        EXPECT_EQ(held(i)->has_value(), !lost) << i;
      }
    }
  }
}

/// A block from further on in the log: what it repeats is left out where it comes again, and nothing else.
TEST(DurableMarks, ASalvageKeepsWhatStandsBehindARecordFromFurtherOn) {
  const Written written = write_all(std::vector<size_t>(20, 500), KvSurvives::kProcess);
  DiskImage image = written.image;
  auto& log = log_of(image);
  const auto at = [&](size_t record) { return static_cast<std::ptrdiff_t>(written.ends[record]); };
  const std::vector<std::byte> later(log.begin() + at(14), log.begin() + at(16));  // records 15 and 16
  log.insert(log.begin() + at(5), later.begin(), later.end());
  EXPECT_ERROR(keys_in(image), Code::kCorruption, "belongs elsewhere");
  MemoryFileSystem fs;
  ASSERT_OK(write_image(fs, image));
  const auto salvage = salvage_rocksdb_kv_store(kDirectory, "/scratch", fs);
  ASSERT_OK(salvage);
  for (size_t i = 0; i < written.ends.size(); ++i) {
    const auto held = salvage->view->get(KvTable::kRecords, fmt::format("key{:06}", i));
    ASSERT_OK(held);
    EXPECT_TRUE(held->has_value()) << i;
  }
}

/// A store that was closed leaves nothing that could be taken for torn.
TEST(DurableMarks, AfterACleanCloseEveryLostByteIsNoticed) {
  MemoryFileSystem fs;
  {
    const auto store = *open(fs);
    for (uint64_t i = 0; i < 30; ++i) write(*store, i, 500, KvSurvives::kProcess);
  }
  const auto names = *fs.list(kDirectory);
  size_t noticed = 0;
  for (const std::string& name : names) {
    if (!name.starts_with("MANIFEST")) continue;
    const std::string path = kDirectory + "/" + name;
    std::vector<std::byte> whole((*fs.open(path))->size());
    ASSERT_OK((*fs.open(path))->read(0, whole));
    for (size_t length = 0; length < whole.size(); ++length) {
      const auto file = *fs.create(path);
      ASSERT_OK(file->append(std::span(whole).first(length)));
      const auto opened = open(fs);
      EXPECT_ERROR(opened, Code::kCorruption, "MANIFEST") << length;
      noticed += opened.ok() ? 0 : 1;
    }
    ASSERT_OK((*fs.create(path))->append(whole));
  }
  EXPECT_GT(noticed, 100u);
  EXPECT_EQ(keys_of(**open(fs)), 30u);
}

TEST(DurableMarks, AManifestWhoseUnsyncedEndWasTornOpens) {
  size_t torn = 0;
  for (uint64_t seed = 0; seed < 3; ++seed) {
    MemoryFileSystem memory;
    RecordingFileSystem fs(memory);
    {
      const auto store = *open(fs);
      for (uint64_t i = 0; i < 5; ++i) write(*store, i, 500, KvSurvives::kPower);
    }  // the close writes a table, and the manifest says so
    std::map<uint64_t, std::string> paths;
    Random random(seed);
    DiskModel disk;
    for (const FileOp& op : fs.ops()) {
      disk.apply(op);
      if (op.kind == FileOp::Kind::kCreate) paths[op.handle] = op.path;
      const bool manifest =
          op.kind == FileOp::Kind::kAppend && paths[op.handle].find("MANIFEST") != std::string::npos;
      if (!manifest || !disk.now().names.contains(kDirectory + "/CURRENT")) continue;
      for (int i = 0; i < 50; ++i, ++torn) {
        const auto keys = keys_in(disk.after({PowerLoss::Names::kAll, PowerLoss::Bytes::kReordered}, random));
        ASSERT_OK(keys);
        EXPECT_TRUE(*keys == 0 || *keys == 5) << *keys;
      }
    }
  }
  EXPECT_GT(torn, 100u);
}

/// A copy has its manifest as of one moment and logs that go on a little longer.
TEST(DurableMarks, LogsThatAreLaterThanACopiedManifestOpenWithIt) {
  MemoryFileSystem memory;
  RecordingFileSystem fs(memory);
  RocksKvOptions options;
  options.fs = &fs;
  options.memtable_bytes = 128u << 10;
  const auto store = *open_rocksdb_kv_store(kDirectory, options);
  write(*store, 0, 100, KvSurvives::kPower);
  uint64_t written = 1;
  ASSERT_OK(store->hold_files([&](std::span<const KvFile> files) -> Result<void> {
    const auto manifest =
        std::ranges::find_if(files, [](const KvFile& file) { return file.name.starts_with("MANIFEST"); });
    const std::string path = kDirectory + "/" + manifest->name;
    for (; (*fs.open(path))->size() == manifest->bytes && written < 10'000; ++written)
      write(*store, written, 1000, KvSurvives::kPower);  // until a flush is in it
    EXPECT_GT((*fs.open(path))->size(), manifest->bytes);
    for (const uint64_t end = written + 3; written < end; ++written)
      write(*store, written, 10, KvSurvives::kPower);
    DiskModel disk;
    for (size_t i = 0, end = fs.position(); i < end; ++i) disk.apply(fs.ops()[i]);
    DiskImage image = disk.now();
    image.files.at(image.names.at(path)).resize(manifest->bytes);
    const auto keys = keys_in(image);
    EXPECT_OK(keys);
    return {};
  }));
}

TEST(DurableMarks, DataWithoutCurrentIsNotTakenForANewStore) {
  MemoryFileSystem fs;
  { write(**open(fs), 0, 10, KvSurvives::kPower); }
  ASSERT_OK(fs.remove(kDirectory + "/CURRENT"));
  EXPECT_ERROR(open(fs), Code::kCorruption, "CURRENT");
  EXPECT_ERROR(open(fs), Code::kCorruption, "CURRENT") << "and nothing was changed";
}

}  // namespace
}  // namespace kith
