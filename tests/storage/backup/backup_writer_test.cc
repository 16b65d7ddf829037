// Goal: a backup is there whole or not at all, whatever moment power is lost at; it takes links where it may
// and copies where it must; what crashes leave goes, what is not ours stays. Method: backups of small files
// over file systems that lose power after any operation, refuse links, or have one file damaged.
#include "storage/backup/backup_writer.h"

#include <gtest/gtest.h>

#include <map>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/io/damage.h"
#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "base/random.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using Files = std::map<std::string, std::string>;

Result<void> write(FileSystem& fs, const std::string& path, const std::string& text) {
  const auto file = TRY(fs.create(path));
  TRY(file->append(as_bytes(text)));
  TRY(file->sync());
  return file->close();
}

Result<std::string> read(FileSystem& fs, const std::string& path) {
  const auto file = TRY(fs.open(path));
  std::string text(file->size(), '\0');
  TRY(file->read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

/// A backup of /data with `immutable` files, whose checksums are known, and others.
Result<BackupManifest> back_up(FileSystem& fs, const Files& immutable, const Files& others,
                               uint64_t* copied = nullptr) {
  ByteProgress progress;
  const auto writer = TRY(BackupWriter::begin(fs, "/to"));
  for (const auto& [name, text] : immutable)
    TRY(writer->add(name, "/data/" + name, text.size(), crc32c(as_bytes(text)), {}, progress));
  for (const auto& [name, text] : others)
    TRY(writer->add(name, "/data/" + name, text.size(), std::nullopt, {}, progress));
  TRY(writer->add_bytes("store/CURRENT", as_bytes("MANIFEST-000001\n")));
  BackupManifest manifest;
  manifest.format = 1;
  manifest.collections = {{1, "books", false, immutable.size(), others.size()}};
  TRY(writer->commit(manifest));
  if (copied != nullptr) *copied = writer->copied_bytes();
  return manifest;
}

Result<void> write_data(FileSystem& fs, const Files& files) {
  TRY(fs.make_directories("/data/store"));
  TRY(fs.make_directories("/data/checkpoints/1"));
  for (const auto& [name, text] : files) TRY(write(fs, "/data/" + name, text));
  return {};
}

Result<std::vector<std::string>> problems_of(FileSystem& fs, const std::string& path) {
  ByteProgress progress;
  const BackupManifest manifest = TRY(read_backup(fs, path));
  return verify_backup_files(fs, path, manifest, {}, progress);
}

/// Links across "/data" and the rest fail, as between devices.
class TwoDevices final : public FileSystem {
 public:
  explicit TwoDevices(FileSystem& base) : base_(base) {}
  Result<std::unique_ptr<WritableFile>> create(const std::string& path) override {
    return base_.create(path);
  }
  Result<std::unique_ptr<ReadableFile>> open(const std::string& path) override { return base_.open(path); }
  Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& path) override {
    return base_.create_scratch(path);
  }
  Result<bool> exists(const std::string& path) override { return base_.exists(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return base_.list(path); }
  Result<void> make_directories(const std::string& path) override { return base_.make_directories(path); }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return base_.rename(from, to);
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    if (from.starts_with("/data") != to.starts_with("/data"))
      return failed_precondition("cannot link '{}' to '{}': another device", from, to);
    ++links;
    return base_.link(from, to);
  }
  Result<void> remove(const std::string& path) override { return base_.remove(path); }
  Result<void> sync_directory(const std::string& path) override { return base_.sync_directory(path); }
  Result<DiskSpace> disk_space(const std::string& path) override { return base_.disk_space(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path) override { return base_.lock(path); }

  int links = 0;

 private:
  FileSystem& base_;
};

const Files kFirst = {{"store/000012.sst", "first table"}, {"checkpoints/1/3-f0-main", "a graph"}};
const Files kSecond = {{"store/000012.sst", "first table"},
                       {"store/000014.blob", "vectors"},
                       {"checkpoints/1/4-f0-main", "another graph"}};

TEST(BackupWriter, HoldsWhatItWasGiven) {
  MemoryFileSystem fs;
  ASSERT_OK(write_data(fs, kFirst));
  ASSERT_OK(write(fs, "/data/store/000013.log", "log and what came later"));
  ASSERT_VALUE(manifest, back_up(fs, kFirst, {{"store/000013.log", "log"}}));
  EXPECT_EQ(manifest.number, 1u);
  EXPECT_GT(manifest.time_ms, 0);
  ASSERT_VALUE(log, read(fs, "/to/1/store/000013.log"));
  EXPECT_EQ(log, "log") << "as much of it as was asked for";
  ASSERT_VALUE(problems, problems_of(fs, "/to/1"));
  EXPECT_EQ(problems, std::vector<std::string>{});
  ASSERT_VALUE(names, fs.list("/to/1"));
  EXPECT_EQ(names, (std::vector<std::string>{"BACKUP", "checkpoints", "store"}));
  ASSERT_VALUE(path, find_backup(fs, "/to"));
  EXPECT_EQ(path, "/to/1");
  ASSERT_VALUE(same, find_backup(fs, "/to/1/"));
  EXPECT_EQ(same, "/to/1");
  EXPECT_ERROR(find_backup(fs, "/data"), Code::kNotFound, "/data");
  EXPECT_ERROR(find_backup(fs, "/nowhere"), Code::kNotFound, "/nowhere");
}

TEST(BackupWriter, LinksToTheSourceOnOneDeviceAndToEarlierBackupsOnAnother) {
  MemoryFileSystem memory;
  TwoDevices devices(memory);
  for (const bool apart : {false, true}) {
    FileSystem& fs = apart ? static_cast<FileSystem&>(devices) : memory;
    if (auto there = memory.exists("/to"); *there) {
      ASSERT_OK(remove_tree(memory, "/to"));
    }
    ASSERT_OK(write_data(memory, kFirst));
    ASSERT_OK(write_data(memory, kSecond));
    uint64_t first = 0, second = 0, third = 0;
    ASSERT_OK(back_up(fs, kFirst, {}, &first));
    ASSERT_OK(back_up(fs, kSecond, {}, &second));
    constexpr uint64_t kCurrent = 16;
    EXPECT_EQ(first, kCurrent + (apart ? std::string("first tablea graph").size() : 0));
    EXPECT_EQ(second, kCurrent + (apart ? std::string("vectorsanother graph").size() : 0));
    // The same name with other bytes is another file.
    Files changed = kSecond;
    changed["store/000014.blob"] = "VECTORS";
    ASSERT_OK(remove_tree(memory, "/data/store/000014.blob"));
    ASSERT_OK(write_data(memory, {{"store/000014.blob", "VECTORS"}}));
    ASSERT_OK(back_up(fs, changed, {}, &third));
    EXPECT_EQ(third, kCurrent + (apart ? std::string("VECTORS").size() : 0));
    // Each stands by itself.
    ASSERT_OK(remove_tree(memory, "/to/1"));
    ASSERT_OK(remove_tree(memory, "/data"));
    for (const char* path : {"/to/2", "/to/3"}) {
      ASSERT_VALUE(problems, problems_of(fs, path));
      EXPECT_EQ(problems, std::vector<std::string>{});
    }
    ASSERT_VALUE(blob, read(fs, "/to/3/store/000014.blob"));
    EXPECT_EQ(blob, "VECTORS");
  }
  EXPECT_GT(devices.links, 0);
}

TEST(BackupWriter, RefusesASourceThatIsNotWhatWasWritten) {
  MemoryFileSystem memory;
  TwoDevices fs(memory);
  ASSERT_OK(write_data(memory, kFirst));
  Files other = kFirst;
  other["store/000012.sst"] = "first Table";
  EXPECT_ERROR(back_up(fs, other, {}), Code::kCorruption, "/data/store/000012.sst");
  ASSERT_VALUE(names, memory.list("/to"));
  EXPECT_EQ(names, std::vector<std::string>{"LOCK"}) << "an abandoned one leaves nothing";
}

TEST(BackupWriter, OneAtATimeAndNeverOneThatIsStopped) {
  MemoryFileSystem fs;
  ASSERT_OK(write_data(fs, kFirst));
  ASSERT_VALUE(writer, BackupWriter::begin(fs, "/to"));
  EXPECT_ERROR(BackupWriter::begin(fs, "/to"), Code::kFailedPrecondition, "another backup");
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  ByteProgress progress;
  EXPECT_ERROR(writer->add("store/000012.sst", "/data/store/000012.sst", 11, {}, stop, progress),
               Code::kCancelled, "");
}

/// The directory that it alone was in neither.
TEST(BackupWriter, WhatIsDroppedLeavesNoTrace) {
  MemoryFileSystem fs;
  const std::string text = "a graph";
  ASSERT_OK(write_data(fs, {{"checkpoints/1/MANIFEST", text}}));
  ByteProgress progress;
  ASSERT_VALUE(writer, BackupWriter::begin(fs, "/to"));
  ASSERT_OK(writer->add("checkpoints/1/MANIFEST", "/data/checkpoints/1/MANIFEST", text.size(),
                        crc32c(as_bytes(text)), {}, progress));
  ASSERT_OK(writer->add_bytes("store/CURRENT", as_bytes("MANIFEST-000001\n")));
  ASSERT_OK(writer->drop("checkpoints/1"));
  BackupManifest manifest;
  manifest.format = 1;
  ASSERT_OK(writer->commit(manifest));
  ASSERT_VALUE(problems, problems_of(fs, "/to/1"));
  EXPECT_TRUE(problems.empty()) << problems.front();
}

TEST(BackupWriter, WhatIsNotOursStays) {
  MemoryFileSystem fs;
  ASSERT_OK(write_data(fs, kFirst));
  ASSERT_OK(fs.make_directories("/to/2024"));
  ASSERT_OK(write(fs, "/to/2024/photo", "x"));
  ASSERT_OK(write(fs, "/to/notes", "y"));
  ASSERT_OK(fs.make_directories("/to/5/store"));
  ASSERT_OK(write(fs, "/to/5/PARTIAL", ""));
  ASSERT_OK(write(fs, "/to/5/store/000001.log", "half"));
  ASSERT_VALUE(manifest, back_up(fs, kFirst, {}));
  EXPECT_EQ(manifest.number, 2025u);
  ASSERT_VALUE(names, fs.list("/to"));
  EXPECT_EQ(names, (std::vector<std::string>{"2024", "2025", "LOCK", "notes"}))
      << "only what a crash left goes";
}

TEST(BackupWriter, AfterALossOfPowerAnywhereEachBackupIsWholeOrNoBackup) {
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed));
  Random random(seed);
  MemoryFileSystem memory;
  ASSERT_OK(write_data(memory, kFirst));
  ASSERT_OK(write_data(memory, kSecond));
  DiskModel start;
  for (const char* path : {"/data", "/data/store", "/data/checkpoints", "/data/checkpoints/1"})
    start.adopt_directory(path);
  for (const Files& files : {kFirst, kSecond})
    for (const auto& [name, text] : files) {
      const auto bytes = as_bytes(text);
      start.adopt_file("/data/" + name, {bytes.begin(), bytes.end()});
    }
  RecordingFileSystem recording(memory);
  ASSERT_OK(back_up(recording, kFirst, {}));
  const size_t first = recording.position();
  ASSERT_OK(back_up(recording, kSecond, {}));
  const size_t second = recording.position();

  size_t partial = 0, points = 0;
  DiskModel disk = start;
  for (size_t n = 0; n <= recording.ops().size(); ++n) {
    if (n > 0) disk.apply(recording.ops()[n - 1]);
    for (const auto names :
         {PowerLoss::Names::kSyncedOnly, PowerLoss::Names::kAll, PowerLoss::Names::kRandomPrefix}) {
      for (const auto bytes : {PowerLoss::Bytes::kSyncedOnly, PowerLoss::Bytes::kTorn}) {
        MemoryFileSystem after;
        ASSERT_OK(write_image(after, disk.after({names, bytes}, random)));
        SCOPED_TRACE(fmt::format("after operation {} of {}", n, recording.ops().size()));
        ++points;
        const size_t wanted = n >= second ? 2 : n >= first ? 1 : 0;
        std::vector<ListedBackup> backups;
        if (auto listed = list_backup_directory(after, "/to"); listed.ok()) backups = std::move(*listed);
        ASSERT_GE(backups.size(), wanted);
        for (const ListedBackup& backup : backups) {
          ASSERT_OK(backup.manifest);
          ASSERT_VALUE(problems, problems_of(after, fmt::format("/to/{}", backup.number)));
          ASSERT_EQ(problems, std::vector<std::string>{});
        }
        // The next one takes the rest away.
        auto left = after.list("/to");
        partial += left.ok() && left->size() > backups.size() + 1;
        ASSERT_OK(back_up(after, kSecond, {}));
        ASSERT_VALUE(now, after.list("/to"));
        size_t numbers = 0;
        for (const std::string& name : now) numbers += is_backup_number(name);
        ASSERT_LE(numbers, backups.size() + 2) << "a directory without its mark may stay, empty";
      }
    }
  }
  EXPECT_GT(partial, 20u);
  EXPECT_GT(points, 300u);
}

TEST(BackupWriter, DamageOfAnyFileIsFound) {
  MemoryFileSystem fs;
  Random random(4);
  Files files;
  for (int i = 0; i < 6; ++i) {
    std::string& text = files[fmt::format("store/{:06}.sst", i + 10)];
    for (int j = 0; j < 9'000; ++j) text += static_cast<char>(random.next());
  }
  ASSERT_OK(write_data(fs, files));
  size_t damaged = 0;
  for (int round = 0; round < 60; ++round) {
    if (round > 0) {
      ASSERT_OK(remove_tree(fs, "/to"));
    }
    ASSERT_OK(back_up(fs, {}, files));
    std::string path = round % 7 == 6 ? "/to/1/BACKUP" : fmt::format("/to/1/store/{:06}.sst", 10 + round % 6);
    const auto what = damage_file(fs, path, Damage{static_cast<uint8_t>(round % kDamages)}, random);
    if (!what.ok()) continue;  // BACKUP is too short for some
    ++damaged;
    const auto problems = problems_of(fs, "/to/1");
    if (path.ends_with("BACKUP")) {
      EXPECT_ERROR(problems, Code::kCorruption, path);
    } else {
      ASSERT_OK(problems);
      ASSERT_EQ(problems->size(), 1u) << *what;
      EXPECT_NE(problems->front().find(path), std::string::npos) << problems->front();
    }
  }
  EXPECT_GT(damaged, 50u);
  ASSERT_OK(remove_tree(fs, "/to"));
  ASSERT_OK(back_up(fs, {}, files));
  ASSERT_OK(fs.remove("/to/1/store/000012.sst"));
  ASSERT_OK(write(fs, "/to/1/store/000099.sst", "strange"));
  ASSERT_VALUE(problems, problems_of(fs, "/to/1"));
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_NE(problems[0].find("000012.sst"), std::string::npos);
  EXPECT_NE(problems[1].find("000099.sst: is not of this backup"), std::string::npos);
}

}  // namespace
}  // namespace kith
