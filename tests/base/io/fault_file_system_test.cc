// Goal: the fault twin loses what a power loss loses, keeps what was synced, and fails the very call it was
// told to. Method: each rule alone; then write_file_atomically with a fault or power loss at each of its
// calls, on both bases.
#include "base/io/fault_file_system.h"

#include <gtest/gtest.h>

#include <set>

#include "base/bytes.h"
#include "base/io/damage.h"
#include "base/io/memory_file_system.h"
#include "base/io/path.h"
#include "tests/support/result_matchers.h"
#include "tests/support/temp_dir.h"

namespace kith {
namespace {

Result<std::string> read_text(FileSystem& fs, const std::string& path) {
  const auto file = TRY(fs.open(path));
  std::vector<std::byte> bytes(file->size());
  TRY(file->read(0, bytes));
  return std::string(as_text(bytes));
}

/// Text of the file, or "-" when it is not there.
std::string text_or_dash(FileSystem& fs, const std::string& path) {
  const Result<std::string> text = read_text(fs, path);
  if (text.ok()) return *text;
  CHECK(text.error().code == Code::kNotFound);
  return "-";
}

Result<std::unique_ptr<WritableFile>> write_text(FileSystem& fs, const std::string& path,
                                                 std::string_view text, bool sync) {
  auto file = TRY(fs.create(path));
  TRY(file->append(as_bytes(text)));
  if (sync) TRY(file->sync());
  return file;
}

constexpr PowerLoss kStrict{};
constexpr PowerLoss kNamesKept{PowerLoss::Names::kAll, PowerLoss::Bytes::kSyncedOnly};

TEST(FaultFileSystem, UnsyncedBytesAreLost) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_VALUE(file, write_text(fs, "/f", "synced", true));
  ASSERT_OK(file->append(as_bytes(" and not")));
  EXPECT_EQ(text_or_dash(fs, "/f"), "synced and not");
  ASSERT_OK(fs.power_loss(kNamesKept));
  EXPECT_EQ(text_or_dash(memory, "/f"), "synced");
  EXPECT_ERROR(file->append(as_bytes("x")), Code::kUnavailable, "power was lost");
  EXPECT_ERROR(file->sync(), Code::kUnavailable, "power was lost");
}

TEST(FaultFileSystem, UnsyncedNamesAreLost) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_OK(write_text(fs, "/a", "a", true));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(write_text(fs, "/b", "b", true));
  ASSERT_OK(fs.rename("/a", "/c"));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/a"), "a") << "the rename was not durable";
  EXPECT_EQ(text_or_dash(memory, "/b"), "-") << "nor was the new name";
  EXPECT_EQ(text_or_dash(memory, "/c"), "-");

  ASSERT_OK(fs.remove("/a"));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/a"), "a") << "nor the removal";
  ASSERT_OK(fs.remove("/a"));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/a"), "-");
}

TEST(FaultFileSystem, AMovedDirectoryIsInOneOfBothPlacesWhole) {
  for (const bool synced : {false, true}) {
    MemoryFileSystem memory;
    ASSERT_OK(memory.make_directories("/old/deep"));
    ASSERT_OK(write_text(memory, "/old/before", "b", true));
    FaultFileSystem fs(memory, 1);
    ASSERT_OK(write_text(fs, "/old/deep/a", "a", true));
    ASSERT_OK(fs.sync_directory("/old/deep"));
    ASSERT_OK(fs.rename("/old", "/new"));
    ASSERT_OK(fs.sync_directory("/new"));  // says nothing of the name of /new itself
    if (synced) {
      ASSERT_OK(fs.sync_directory("/"));
    }
    ASSERT_OK(fs.power_loss(kStrict));
    EXPECT_EQ(text_or_dash(memory, synced ? "/new/deep/a" : "/old/deep/a"), "a");
    EXPECT_EQ(text_or_dash(memory, synced ? "/new/before" : "/old/before"), "b");
    ASSERT_VALUE(names, memory.list("/"));
    EXPECT_EQ(names, (std::vector<std::string>{synced ? "new" : "old"}));
  }
}

TEST(FaultFileSystem, ALostDirectoryTakesItsFilesAlong) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_OK(fs.make_directories("/d/e"));
  ASSERT_OK(write_text(fs, "/d/e/f", "f", true));
  ASSERT_OK(fs.sync_directory("/d/e"));
  ASSERT_OK(fs.sync_directory("/d"));
  ASSERT_OK(fs.power_loss(kStrict));  // "/" was not synced
  ASSERT_VALUE(names, memory.list("/"));
  EXPECT_TRUE(names.empty());

  ASSERT_OK(fs.make_directories("/d/e"));
  ASSERT_OK(write_text(fs, "/d/e/f", "f", true));
  for (const char* directory : {"/d/e", "/d", "/"}) ASSERT_OK(fs.sync_directory(directory));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/d/e/f"), "f");
  ASSERT_OK(fs.remove("/d/e/f"));
  ASSERT_OK(fs.remove("/d/e"));
  ASSERT_OK(fs.sync_directory("/d"));
  ASSERT_OK(fs.power_loss(kStrict));
  ASSERT_VALUE(left, memory.list("/d"));
  EXPECT_TRUE(left.empty());
}

TEST(FaultFileSystem, ARenameAcrossDirectoriesIsWholeOrNot) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_OK(fs.make_directories("/d1"));
  ASSERT_OK(fs.make_directories("/d2"));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(write_text(fs, "/d1/f", "f", true));
  ASSERT_OK(fs.rename("/d1/f", "/d2/g"));
  ASSERT_OK(fs.sync_directory("/d2"));
  ASSERT_OK(fs.power_loss(kNamesKept));
  EXPECT_EQ(text_or_dash(memory, "/d1/f"), "-");
  EXPECT_EQ(text_or_dash(memory, "/d2/g"), "f");
}

TEST(FaultFileSystem, LinksOutliveThePowerOnceTheirDirectoryIsSynced) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_VALUE(file, write_text(fs, "/a", "one", true));
  ASSERT_OK(fs.link("/a", "/b"));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(fs.link("/a", "/lost"));
  ASSERT_OK(fs.remove("/a"));
  ASSERT_OK(file->append(as_bytes(" and not")));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/a"), "one");
  EXPECT_EQ(text_or_dash(memory, "/b"), "one");
  EXPECT_EQ(text_or_dash(memory, "/lost"), "-");
  ASSERT_OK(write_text(fs, "/b", "both", true));  // truncated in place: they are one file still
  EXPECT_EQ(text_or_dash(memory, "/a"), "both");
}

TEST(FaultFileSystem, WhatWasThereBeforeIsDurable) {
  MemoryFileSystem memory;
  ASSERT_OK(write_text(memory, "/old", "old", false));
  FaultFileSystem fs(memory, 1);
  ASSERT_OK(write_text(fs, "/old", "overwritten, not synced", false));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/old"), "old");
  ASSERT_OK(fs.remove("/old"));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/old"), "old");
}

TEST(FaultFileSystem, TornTailsKeepTheSyncedPartAndVaryTheRest) {
  const std::string synced(700, 's'), tail(5'000, 't');
  std::set<std::string> outcomes;
  size_t with_holes = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, seed);
    ASSERT_VALUE(file, write_text(fs, "/f", synced, true));
    ASSERT_OK(file->append(as_bytes(tail)));
    ASSERT_OK(fs.power_loss({PowerLoss::Names::kAll, PowerLoss::Bytes::kTorn}));
    const std::string text = text_or_dash(memory, "/f");
    ASSERT_EQ(text.substr(0, 700), synced) << "seed " << seed;
    ASSERT_LE(text.size(), 5'700u);
    ASSERT_EQ(text.find_first_not_of(std::string("t\0", 2), 700), std::string::npos) << "seed " << seed;
    with_holes += text.find('\0') != std::string::npos ? 1 : 0;
    outcomes.insert(text);
  }
  EXPECT_GT(outcomes.size(), 100u);
  EXPECT_GT(with_holes, 20u);
}

TEST(FaultFileSystem, RandomPrefixOfNamesKeepsTheirOrder) {
  std::set<size_t> survivors;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, seed);
    for (const char* path : {"/0", "/1", "/2", "/3"}) ASSERT_OK(write_text(fs, path, "x", true));
    ASSERT_OK(fs.power_loss({PowerLoss::Names::kRandomPrefix, PowerLoss::Bytes::kSyncedOnly}));
    ASSERT_VALUE(names, memory.list("/"));
    for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(names[i], std::to_string(i)) << "seed " << seed;
    survivors.insert(names.size());
  }
  EXPECT_EQ(survivors.size(), 5u);
}

TEST(FaultFileSystem, SyncsThatLieMakeNothingDurable) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  fs.set_syncs_lie(true);
  ASSERT_OK(write_text(fs, "/f", "text", true));
  ASSERT_OK(fs.sync_directory("/"));
  ASSERT_OK(fs.power_loss(kStrict));
  EXPECT_EQ(text_or_dash(memory, "/f"), "-");
}

TEST(FaultFileSystem, FailsTheNthCallOnceOrForEver) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_VALUE(file, fs.create("/f"));
  fs.arm({.call = FileCall::kExists, .nth = 3});
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(fs.exists("/f").ok(), i != 3) << i;
  EXPECT_EQ(fs.fired(), 1u);
  fs.arm({.call = FileCall::kExists, .nth = 3, .forever = true, .disk_full = true});
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(fs.exists("/f").ok(), i < 3) << i;
  EXPECT_ERROR(fs.exists("/f"), Code::kResourceExhausted, "No space left");
  EXPECT_OK(fs.list("/")) << "other calls work";
  fs.disarm();
  EXPECT_OK(fs.exists("/f"));
  EXPECT_EQ(fs.calls(FileCall::kExists), 12u);

  fs.arm({.call = FileCall::kSync});
  EXPECT_ERROR(file->sync(), Code::kUnavailable, "cannot sync '/f'");
  EXPECT_ERROR(file->sync(), Code::kFailedPrecondition, "abandon it");
  EXPECT_ERROR(file->append(as_bytes("x")), Code::kFailedPrecondition, "abandon it");
}

TEST(FaultFileSystem, AShortWriteLeavesAPrefix) {
  std::set<size_t> lengths;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, seed);
    ASSERT_VALUE(file, fs.create("/f"));
    fs.arm({.call = FileCall::kAppend, .disk_full = true, .partial_write = true});
    EXPECT_ERROR(file->append(as_bytes("0123456789")), Code::kResourceExhausted, "/f");
    const std::string text = text_or_dash(memory, "/f");
    EXPECT_EQ(text, std::string("0123456789").substr(0, text.size()));
    lengths.insert(text.size());
  }
  EXPECT_GT(lengths.size(), 5u);
}

TEST(FaultFileSystem, PowerLossFreesLocks) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  ASSERT_VALUE(before, fs.lock("/LOCK"));
  EXPECT_ERROR(fs.lock("/LOCK"), Code::kFailedPrecondition, "locked");
  ASSERT_OK(fs.power_loss(kStrict));
  ASSERT_VALUE(after, fs.lock("/LOCK"));
  EXPECT_NE(after, nullptr);
  before.reset();  // of a process that is no more: must not free the new one
  EXPECT_ERROR(fs.lock("/LOCK"), Code::kFailedPrecondition, "locked");
}

/// Runs write_file_atomically over an old file with everything failing from the nth call on, then loses
/// power.
void crash_at_call(FileSystem& base, const std::string& directory, uint64_t nth, const PowerLoss& how,
                   uint64_t seed, std::set<std::string>& outcomes, bool& reached) {
  FaultFileSystem fs(base, seed);
  const std::string path = directory + "/m";
  ASSERT_OK(fs.make_directories(directory));
  ASSERT_OK(fs.sync_directory(parent_directory(directory)));
  ASSERT_OK(write_file_atomically(fs, path, as_bytes("old")));
  fs.arm({.nth = nth, .forever = true, .partial_write = true});
  const Result<void> written = write_file_atomically(fs, path, as_bytes("new content"));
  reached = !written.ok();
  ASSERT_OK(fs.power_loss(how));
  ASSERT_VALUE(text, read_text(base, path));
  if (written.ok()) {
    EXPECT_EQ(text, "new content") << "acknowledged, then lost: call " << nth << " seed " << seed;
  } else {
    EXPECT_TRUE(text == "old" || text == "new content")
        << "'" << text << "' call " << nth << " seed " << seed;
  }
  outcomes.insert(text);
}

/// Crashes of the process at every call, then a second run that succeeds, then loss of power.
TEST(MakeDurableDirectories, SurvivePowerLossAlsoAfterACrashAtAnyCall) {
  bool reached = true;
  uint64_t nth = 1;
  for (; reached; ++nth) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, nth);
    fs.arm({.nth = nth, .forever = true});
    reached = !make_durable_directories(fs, "/a/b/c/d").ok();
    fs.disarm();
    ASSERT_OK(make_durable_directories(fs, "/a/b/c/d"));
    ASSERT_OK(fs.power_loss({}));
    ASSERT_VALUE(there, memory.exists("/a/b/c/d"));
    EXPECT_TRUE(there) << "call " << nth;
  }
  EXPECT_GT(nth, 9u) << "four directories, two calls each";
  test::TempDir temp;
  ASSERT_OK(make_durable_directories(posix_file_system(), temp / "x/y"));
  ASSERT_OK(make_durable_directories(posix_file_system(), temp / "x/y"));
  ASSERT_OK(make_durable_directories(posix_file_system(), temp / "x/z/"));
  ASSERT_OK(make_durable_directories(posix_file_system(), temp / "x/../w"));
  ASSERT_VALUE(beside, posix_file_system().exists(temp / "w"));
  EXPECT_TRUE(beside);
  ASSERT_VALUE(real, posix_file_system().exists(temp / "x/y"));
  EXPECT_TRUE(real);
}

TEST(WriteFileAtomically, OldOrNewAtEveryCrashPoint) {
  test::TempDir temp;
  std::set<std::string> outcomes;
  uint64_t points = 0;
  for (const bool real : {false, true})
    for (const auto names :
         {PowerLoss::Names::kSyncedOnly, PowerLoss::Names::kAll, PowerLoss::Names::kRandomPrefix})
      for (uint64_t seed = 0; seed < (real ? 2u : 20u); ++seed) {
        bool reached = true;
        for (uint64_t nth = 1; reached; ++nth, ++points) {
          MemoryFileSystem memory;
          FileSystem& base = real ? posix_file_system() : memory;
          const std::string directory = real ? temp / fmt::format("{}", points) : "/d";
          crash_at_call(base, directory, nth, {names, PowerLoss::Bytes::kTorn}, seed, outcomes, reached);
          ASSERT_LT(nth, 20u);
        }
      }
  EXPECT_EQ(outcomes.size(), 2u);
  EXPECT_GT(points, 300u);
}

TEST(WriteFileAtomically, LyingSyncsAreNoticed) {
  size_t bad = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, seed);
    ASSERT_OK(write_file_atomically(fs, "/m", as_bytes("old")));
    fs.set_syncs_lie(true);
    ASSERT_OK(write_file_atomically(fs, "/m", as_bytes("new")));
    ASSERT_OK(fs.power_loss({PowerLoss::Names::kRandomPrefix, PowerLoss::Bytes::kTorn}));
    bad += text_or_dash(memory, "/m") != "new" ? 1 : 0;
  }
  EXPECT_GT(bad, 20u) << "the checks above could not fail";
}

TEST(Damage, ChangesTheFileAndSaysHow) {
  for (size_t kind = 0; kind < kDamages; ++kind)
    for (uint64_t seed = 0; seed < 20; ++seed) {
      const auto damage = static_cast<Damage>(kind);
      MemoryFileSystem memory;
      Random random(seed);
      std::string text(20'000, ' ');
      for (char& c : text) c = static_cast<char>(random.next());
      ASSERT_OK(write_text(memory, "/f", text, true));
      ASSERT_VALUE(what, damage_file(memory, "/f", damage, random, as_bytes(std::string(10'000, 'o'))));
      const std::string after = text_or_dash(memory, "/f");
      EXPECT_NE(after, text) << what;
      EXPECT_EQ(after.size() < text.size(), damage == Damage::kTruncated) << what;
      size_t changed = 0;
      for (size_t i = 0; i < after.size(); ++i) changed += after[i] != text[i] ? 1 : 0;
      EXPECT_LE(changed, damage == Damage::kBitFlip ? 1u : damage == Damage::kTruncated ? 0u : 4096u) << what;
      EXPECT_TRUE(what.starts_with("'/f': ")) << what;
    }
}

TEST(Damage, RefusesWhereNothingCanChange) {
  MemoryFileSystem memory;
  Random random(1);
  ASSERT_OK(write_text(memory, "/empty", "", true));
  EXPECT_ERROR(damage_file(memory, "/empty", Damage::kBitFlip, random), Code::kInvalidArgument, "empty");
  ASSERT_OK(write_text(memory, "/zeros", std::string(100, '\0'), true));
  EXPECT_ERROR(damage_file(memory, "/zeros", Damage::kZeroedSector, random), Code::kInvalidArgument,
               "zeroed_sector");
  EXPECT_ERROR(damage_file(memory, "/none", Damage::kBitFlip, random), Code::kNotFound, "/none");
}

}  // namespace
}  // namespace kith
