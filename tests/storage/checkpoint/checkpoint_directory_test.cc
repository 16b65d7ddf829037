// Goal: a checkpoint counts whole or not at all, whatever moment power is lost at, keeps what it may, leaves
// no file behind, and gives back no byte that was not written there. Method: a model of each committed
// checkpoint beside the directory, over a file system that loses power at the nth call or has one file
// damaged.
#include "storage/checkpoint/checkpoint_directory.h"

#include <gtest/gtest.h>

#include <map>

#include "base/bytes.h"
#include "base/io/damage.h"
#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

constexpr CollectionNumber kCollection = 7;
constexpr const char* kPath = "data/checkpoints/7";

using Files = std::map<std::string, std::string>;

Result<void> write(CheckpointOutput& output, const std::string& name, const std::string& content) {
  const std::unique_ptr<WritableFile> file = TRY(output.create(name));
  TRY(file->append(kith::as_bytes(content)));
  TRY(file->sync());
  return file->close();
}

/// `changed` is written, the rest of `files` kept.
Result<void> commit(CheckpointDirectory& directory, const Files& files, const Files& changed,
                    uint64_t sequence) {
  const std::unique_ptr<CheckpointWriter> writer = TRY(CheckpointWriter::begin(directory));
  for (const auto& [name, content] : files)
    if (changed.contains(name) || !writer->keep(name, content.size())) TRY(write(*writer, name, content));
  return writer->commit({sequence, 1, static_cast<Row>(sequence * 10), sequence});
}

Result<Files> read(const CheckpointDirectory& directory) {
  Files files;
  const auto manifest = directory.manifest();
  if (!manifest.has_value()) return files;
  for (const ManifestFile& each : manifest->files) {
    const std::unique_ptr<ReadableFile> file = TRY(directory.read(each.name));
    std::string content(file->size(), '\0');
    TRY(file->read(0, std::as_writable_bytes(std::span(content))));
    files[each.name] = content;
  }
  return files;
}

/// Files of the directory, its manifest left out.
size_t files_in(FileSystem& fs) {
  auto names = fs.list(kPath);
  return names.ok() ? names->size() - 1 : 0;
}

std::string random_text(Random& random) {
  std::string text(1 + random.below(3'000), '\0');
  for (char& c : text) c = static_cast<char>(random.next());
  return text;
}

TEST(CheckpointDirectory, GivesBackWhatWasCommittedAndKeepsWhatItMay) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs, kPath, kCollection);
  ASSERT_OK(directory.open());
  EXPECT_FALSE(directory.manifest().has_value());
  const Files first = {{"ids", "one"}, {"f0-main", "graph"}, {"f0-vectors-0", "vectors"}};
  ASSERT_OK(commit(directory, first, {}, 1));
  Files second = first;
  second["ids"] = "two";
  second["f0-main"] = "graph";  // as long as before, but written anew
  ASSERT_OK(commit(directory, second, {{"ids", ""}, {"f0-main", ""}}, 2));
  CheckpointDirectory again(fs, kPath, kCollection);
  ASSERT_OK(again.open());
  EXPECT_EQ(*read(again), second);
  EXPECT_EQ(again.manifest()->mark.sequence, 2u);
  EXPECT_EQ(again.manifest()->mark.next_row, 20u);
  EXPECT_EQ(again.manifest()->find("f0-vectors-0")->generation, 1u);
  EXPECT_EQ(again.manifest()->find("f0-main")->generation, 2u);
  EXPECT_EQ(files_in(fs), 3u);
  ASSERT_OK(again.verify());
  ASSERT_OK(again.remove());
  EXPECT_FALSE(*fs.exists(kPath));
}

TEST(CheckpointDirectory, AnAbandonedOneLeavesNothing) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs, kPath, kCollection);
  const Files first = {{"ids", "one"}};
  ASSERT_OK(commit(directory, first, {}, 1));
  {
    const auto writer = std::move(*CheckpointWriter::begin(directory));
    ASSERT_OK(write(*writer, "ids", "abandoned"));
    EXPECT_EQ(files_in(fs), 2u);
  }
  EXPECT_EQ(files_in(fs), 1u);
  EXPECT_EQ(*read(directory), first);
}

TEST(CheckpointDirectory, WhatIsPinnedStaysUntilItIsNot) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs, kPath, kCollection);
  EXPECT_EQ(directory.pin(), nullptr);
  ASSERT_OK(commit(directory, {{"ids", "one"}}, {}, 1));
  auto pinned = directory.pin();
  EXPECT_EQ(pinned->mark.sequence, 1u);
  const Files second = {{"ids", "two"}};
  ASSERT_OK(commit(directory, second, second, 2));
  EXPECT_EQ(files_in(fs), 2u) << "the new file and the pinned one";
  EXPECT_EQ(directory.pins(), 1u);
  const Files third = {{"ids", "three"}};
  {
    const auto writer = std::move(*CheckpointWriter::begin(directory));
    ASSERT_OK(write(*writer, "ids", "three"));
    pinned.reset();
    EXPECT_EQ(directory.pins(), 0u);
    EXPECT_EQ(files_in(fs), 2u) << "the pinned one went, that of the writer is there";
    EXPECT_EQ(*read(directory), second);
    ASSERT_OK(writer->commit({3, 3, 0, 0}));
  }
  EXPECT_EQ(*read(directory), third);
  EXPECT_EQ(files_in(fs), 1u);

  pinned = directory.pin();
  ASSERT_OK(CheckpointDirectory(fs, kPath, kCollection).remove());
  pinned.reset();  // nothing left to sweep
}

TEST(CheckpointDirectory, AfterALossOfPowerAtAnyCallIsTheOldOrTheNewOne) {
  uint64_t losses = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    for (uint64_t nth = 1;; ++nth, ++losses) {
      SCOPED_TRACE(fmt::format("seed {}, call {}", seed, nth));
      Random random(seed);
      MemoryFileSystem disk;
      FaultFileSystem fs(disk, seed);
      CheckpointDirectory directory(fs, kPath, kCollection);
      Files before;
      for (const char* name : {"ids", "f0-main", "f0-vectors-0"}) before[name] = random_text(random);
      ASSERT_OK(commit(directory, before, {}, 1));
      fs.arm({.nth = nth, .forever = true, .partial_write = true});
      Files after = before;
      after["f0-main"] = random_text(random);
      after["f0-vectors-1"] = random_text(random);
      const bool done = commit(directory, after, {{"f0-main", ""}}, 2).ok();
      const bool met = fs.fired() > 0;
      fs.disarm();
      ASSERT_OK(fs.power_loss({PowerLoss::Names{static_cast<uint8_t>(random.below(3))},
                               PowerLoss::Bytes{static_cast<uint8_t>(random.below(4))}}));
      CheckpointDirectory opened(fs, kPath, kCollection);
      ASSERT_OK(opened.open());
      const auto found = read(opened);
      ASSERT_OK(found);
      EXPECT_TRUE(*found == after || (!done && *found == before));
      ASSERT_OK(opened.verify());
      EXPECT_EQ(files_in(fs), found->size());
      ASSERT_OK(commit(opened, after, {{"ids", ""}}, 3));
      EXPECT_EQ(*read(opened), after);
      if (!met) break;
    }
  }
  EXPECT_GT(losses, 500u);
}

TEST(CheckpointDirectory, AFileThatGrewIsNoticed) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs, kPath, kCollection);
  ASSERT_OK(commit(directory, {{"ids", "one"}}, {}, 1));
  const std::string path = std::string(kPath) + "/1-ids";
  std::vector<std::byte> bytes(fs.open(path).value()->size());
  ASSERT_OK(fs.open(path).value()->read(0, bytes));
  bytes.push_back(std::byte{0});
  ASSERT_OK(write_file_atomically(fs, path, bytes));
  EXPECT_ERROR(read(directory), Code::kCorruption, "bytes");
}

TEST(CheckpointDirectory, NoDamageGoesUnnoticed) {
  uint64_t noticed = 0;
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs, kPath, kCollection);
    Files files;
    for (const char* name : {"ids", "f0-main"}) files[name] = random_text(random);
    ASSERT_OK(commit(directory, files, {}, 1));
    const auto names = *fs.list(kPath);
    const std::string path = std::string(kPath) + '/' + names[random.below(names.size())];
    const auto what = damage_file(fs, path, Damage{static_cast<uint8_t>(random.below(kDamages))}, random);
    if (!what.ok()) continue;
    CheckpointDirectory damaged(fs, kPath, kCollection);
    const Result<void> opened = damaged.open();
    const auto verified = damaged.verify();
    EXPECT_TRUE(!opened.ok() || !verified.ok()) << *what;
    EXPECT_TRUE(!opened.ok() || verified.error().code == Code::kCorruption) << verified.error().message;
    ++noticed;
  }
  EXPECT_GT(noticed, 1'000u);
}

TEST(CheckpointDirectory, AFileInAnothersPlaceIsNoticed) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs, kPath, kCollection);
  ASSERT_OK(commit(directory, {{"a", "same"}, {"b", "same"}}, {}, 1));
  ASSERT_OK(fs.rename(std::string(kPath) + "/1-a", std::string(kPath) + "/1-b"));
  CheckpointDirectory moved(fs, kPath, kCollection);
  ASSERT_OK(moved.open());
  EXPECT_TRUE(test::is_error(moved.read("b"), Code::kCorruption, "head"));
  CheckpointDirectory other(fs, kPath, kCollection + 1);
  EXPECT_TRUE(test::is_error(other.open(), Code::kCorruption, "belongs to collection 7"));
}

}  // namespace
}  // namespace kith
