// Goal: whatever moment the power goes or the process is killed at, what counts as a backup is whole and
// opens, and a restored directory is there whole or not at all. Method: backups and a restore of a database
// over a recording file system, whose disk is made anew as it may have been after each operation; and a child
// process that makes and restores backups beside a writer until it is killed, again and again.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/io/disk_model.h"
#include "base/io/memory_file_system.h"
#include "base/io/recording_file_system.h"
#include "query/backup.h"
#include "tests/query/batches.h"
#include "tests/support/child_process.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using namespace testing_support;
namespace stdfs = std::filesystem;
using std::chrono::milliseconds;

constexpr uint64_t kSeed = 1;  // of batches

DatabaseOptions options_over(FileSystem& fs) {
  DatabaseOptions options;
  options.fs = &fs;
  options.index_threads = 1;
  options.memtable_bytes = 128u << 10;
  options.checkpoints.at_close = false;
  options.checkpoints.bytes = UINT64_MAX;
  options.checkpoints.age = std::chrono::hours(1);
  return options;
}

Schema schema() {
  return schema_of({field("v", kBatchDim, Metric::kL2, "hnsw")});
}

/// The directory opens and is what so many batches made of it, as its sequence says; the sequence.
uint64_t check_directory(const std::string& directory, const DatabaseOptions& options) {
  auto db = must(Database::open(directory, options), "open");
  auto books = must(db->collection("books"));
  const uint64_t sequence = books->info().sequence;
  EXPECT_TRUE(content_of(*books) == content_after_batches(kSeed, sequence))
      << directory << " at " << sequence;
  return sequence;
}

struct Recorded {
  size_t position;    // when it was acknowledged
  uint64_t sequence;  // of the collection in it
};

/// Two backups and a restore, recorded.
std::vector<Recorded> record(RecordingFileSystem& fs) {
  std::vector<Recorded> acknowledged;
  auto db = must(Database::open("/db", options_over(fs)));
  auto books = must(db->create_collection("books", schema()));
  for (uint64_t number = 0; number < 24; ++number) {
    apply_batch(*books, kSeed, number);
    if (number % 8 != 7) continue;
    must(books->checkpoint());
    if (number < 12) apply_batch(*books, kSeed, ++number);
    const BackupReport report = must(db->backup("/to", {}));
    acknowledged.push_back({fs.position(), report.backup.collections.at(0).sequence});
  }
  OfflineOptions how;
  how.fs = &fs;
  const BackupInfo restored = must(restore_backup("/to/2", "/new", how));
  acknowledged.push_back({fs.position(), restored.collections.at(0).sequence});
  return acknowledged;
}

class BackupPowerLoss : public testing::Test {
 protected:
  void check(FileSystem& fs, size_t position) {
    OfflineOptions how;
    how.fs = &fs;
    auto listed = list_backups("/to", how);
    const size_t wanted =
        static_cast<size_t>(std::ranges::count_if(acknowledged_.begin(), acknowledged_.end() - 1,
                                                  [&](const Recorded& r) { return r.position <= position; }));
    const size_t found = listed.ok() ? listed->size() : 0;
    ASSERT_GE(found, wanted) << "an acknowledged backup is gone";
    for (size_t i = 0; i < found; ++i) {
      const BackupCheck checked = must(verify_backup(fmt::format("/to/{}", (*listed)[i].number), how));
      ASSERT_TRUE(checked.problems.empty()) << checked.problems.front();
      EXPECT_EQ(checked.backup.collections.at(0).sequence, acknowledged_[i].sequence);
    }
    backups_ += found;
    const bool there = must(fs.exists("/new"));
    if (position >= acknowledged_.back().position) {
      EXPECT_TRUE(there) << "an acknowledged restore is gone";
    }
    if (!there) return;
    ++restored_;
    EXPECT_EQ(check_directory("/new", options_over(fs)), acknowledged_.back().sequence);
  }

  std::vector<Recorded> acknowledged_;
  size_t backups_ = 0, restored_ = 0;
};

TEST_F(BackupPowerLoss, LeavesWholeBackupsAndWholeDirectoriesOnly_slow) {
  set_log_options({LogLevel::kOff, false});
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed));
  Random random(seed);
  MemoryFileSystem memory;
  RecordingFileSystem recording(memory);
  acknowledged_ = record(recording);
  ASSERT_EQ(acknowledged_.size(), 4u);
  const std::vector<FileOp>& ops = recording.ops();
  size_t first = 0;  // operation of the first backup
  while (first < ops.size() && !ops[first].path.starts_with("/to")) ++first;
  size_t points = 0;
  DiskModel disk;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (size_t n = 0; n <= ops.size() && std::chrono::steady_clock::now() < end; ++n) {
    if (n > 0) disk.apply(ops[n - 1]);
    if (n < first) continue;
    // Each operation on names of backups and of the new directory, some of the others.
    const bool ours = n > 0 && (ops[n - 1].path.starts_with("/to") || ops[n - 1].path.starts_with("/new"));
    if (n < ops.size() && random.below(ours ? 4 : 12) != 0) continue;
    for (const auto names :
         {PowerLoss::Names::kSyncedOnly, PowerLoss::Names::kAll, PowerLoss::Names::kRandomPrefix}) {
      const auto bytes = random.below(2) == 0 ? PowerLoss::Bytes::kSyncedOnly : PowerLoss::Bytes::kTorn;
      MemoryFileSystem after;
      ASSERT_OK(write_image(after, disk.after({names, bytes}, random)));
      SCOPED_TRACE(fmt::format("after operation {} of {}, names {}, bytes {}", n, ops.size(),
                               static_cast<int>(names), static_cast<int>(bytes)));
      check(after, n);
      ++points;
      if (HasFailure()) return;
    }
  }
  fmt::print("seed {}: {} points of {} operations, {} backups checked, {} restored directories\n", seed,
             points, ops.size(), backups_, restored_);
  EXPECT_GT(points, 100u);
  EXPECT_GT(backups_, 100u);
  EXPECT_GT(restored_, 2u);
}

/// Runs as the child: a writer, backups, restores.
TEST(BackupChild, DISABLED_Run) {
  const char* home = std::getenv("KITH_CRASH_DIRECTORY");
  if (home == nullptr) GTEST_SKIP() << "only run by the test below";
  set_log_options({LogLevel::kOff, false});
  const std::string base = home;
  auto db = open_at(base + "/db", {});
  if (db->collection_names().empty()) must(db->create_collection("books", schema()));
  auto books = must(db->collection("books"));
  std::thread writer([&] {
    for (uint64_t number = books->info().sequence;; ++number) apply_batch(*books, kSeed, number);
  });
  test::write_bytes(base + "/ready", "");
  for (uint64_t round = std::stoull(std::getenv("KITH_CRASH_ROUND")) * 1'000;; ++round) {
    must(db->backup(base + "/to", {}));
    must(restore_backup(base + "/to", fmt::format("{}/new-{}", base, round), {}));
  }
}

TEST(BackupKill, LeavesWholeBackupsAndWholeDirectoriesOnly_slow) {
  set_log_options({LogLevel::kOff, false});
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed));
  Random random(seed);
  test::TempDir home;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(15);
  size_t kills = 0, backups = 0, restored = 0, partial = 0;
  for (; std::chrono::steady_clock::now() < end; ++kills) {
    stdfs::remove(home / "ready");
    test::ChildOptions options;
    options.environment = {{"KITH_CRASH_DIRECTORY", home.path()},
                           {"KITH_CRASH_ROUND", std::to_string(kills + 1)}};
    test::ChildProcess child(
        {"/proc/self/exe", "--gtest_filter=BackupChild.DISABLED_Run", "--gtest_also_run_disabled_tests"},
        options);
    for (int i = 0; i < 1'000 && !stdfs::exists(home / "ready") && child.running(); ++i)
      std::this_thread::sleep_for(milliseconds(5));
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(300'000)));
    ASSERT_TRUE(child.running()) << child.output();
    child.kill_now();
    ASSERT_TRUE(child.wait(std::chrono::seconds(10)).has_value());

    const auto listed = list_backups(home / "to", {});
    for (size_t i = 0; listed.ok() && i < listed->size(); ++i) {
      const std::string path = fmt::format("{}/to/{}", home.path(), (*listed)[i].number);
      const BackupCheck checked = must(verify_backup(path, {}));
      ASSERT_TRUE(checked.problems.empty()) << checked.problems.front();
      ++backups;
      if (i + 1 < listed->size()) stdfs::remove_all(path);
    }
    for (const auto& entry : stdfs::directory_iterator(home.path())) {
      const std::string name = entry.path().filename();
      if (!name.starts_with("new-")) continue;
      if (name.ends_with(".partial")) {
        ++partial;
      } else {
        check_directory(entry.path(), {});
        ++restored;
      }
      stdfs::remove_all(entry.path());
    }
    if (testing::Test::HasFailure()) return;
  }
  fmt::print("seed {}: {} kills, {} backups checked, {} restored directories, {} cut short\n", seed, kills,
             backups, restored, partial);
  EXPECT_GT(kills, 3u);
  EXPECT_GT(backups, 1u);
}

}  // namespace
}  // namespace kith
