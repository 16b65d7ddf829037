// Goal: a backup taken while writers go on is the directory as of one moment, restores to exactly that, costs
// little when little changed, and is found out when it is damaged. Method: the public API on real
// directories; writers whose every batch says how many came before it; restored directories held against the
// model of just so many batches.
#include "query/backup.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/io/damage.h"
#include "base/random.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "storage/rows/keys.h"
#include "tests/query/batches.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

using namespace testing_support;
namespace stdfs = std::filesystem;

DatabaseOptions small_tables() {
  DatabaseOptions options;
  options.memtable_bytes = 256u << 10;
  options.checkpoints.age = std::chrono::milliseconds(50);
  options.checkpoints.points_min = 100;
  return options;
}

class BackupTest : public testing::Test {
 protected:
  void SetUp() override { open(small_tables()); }
  void open(const DatabaseOptions& options) {
    db_.reset();
    db_ = open_at(data_, options);
  }
  std::shared_ptr<Collection> create(const std::string& name, const std::string& kind = "vamana") {
    return must(db_->create_collection(name, schema_of({field("v", kBatchDim, Metric::kL2, kind)})));
  }
  void fill(Collection& collection, uint64_t seed, uint64_t from, uint64_t to) {
    for (uint64_t number = from; number < to; ++number) apply_batch(collection, seed, number);
  }
  /// The restored directory holds each collection as after so many of its batches as its sequence says.
  void check(const std::string& directory, const BackupInfo& backup,
             const std::map<std::string, uint64_t>& seeds) {
    auto restored = open_at(directory, small_tables());
    ASSERT_EQ(restored->collection_names().size(), backup.collections.size());
    for (const BackupContent& each : backup.collections) {
      const auto collection = must(restored->collection(each.collection));
      EXPECT_EQ(collection->info().sequence, each.sequence);
      const auto content = content_of(*collection);
      EXPECT_EQ(content.size(), each.points);
      EXPECT_TRUE(content == content_after_batches(seeds.at(each.collection), each.sequence))
          << each.collection;
      must(collection->settle({}));
      const VerifyReport report = must(restored->verify(each.collection, {}));
      EXPECT_TRUE(report.problems.empty()) << report.problems.front();
    }
  }

  TempDirectory home_;
  const std::string data_ = home_ / "data", to_ = home_ / "backups";
  std::unique_ptr<Database> db_;
};

TEST_F(BackupTest, BesideWritersItIsOneMomentAndRestoresToIt) {
  const std::map<std::string, uint64_t> seeds = {{"books", 1}, {"photos", 2}, {"empty", 3}};
  const std::map<std::string, std::string> kinds = {
      {"books", "vamana"}, {"photos", "hnsw"}, {"empty", "flat"}};
  std::atomic<bool> done{false};
  std::map<std::string, std::atomic<uint64_t>> written;
  for (const auto& [name, seed] : seeds) {
    create(name, kinds.at(name));
    written[name] = 0;
  }
  std::vector<std::thread> writers;
  for (const auto& [name, seed] : seeds) {
    if (name == "empty") continue;
    writers.emplace_back([this, &done, &written, name = name, seed = seed] {
      const auto collection = must(db_->collection(name));
      for (uint64_t number = 0; !done; ++number) {
        apply_batch(*collection, seed, number);
        written.at(name) = number + 1;
      }
    });
  }
  std::vector<BackupInfo> backups;
  std::atomic<bool> seen_progress{false};
  std::thread watcher([&] {
    while (!done)
      if (const auto progress = db_->backup_progress(); progress.has_value() && progress->bytes_total > 0)
        seen_progress = true;
  });
  for (int i = 0; i < 4; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    std::map<std::string, uint64_t> before;
    for (const auto& [name, count] : written) before[name] = count;
    const BackupReport report = must(db_->backup(to_, {}));
    for (const BackupContent& each : report.backup.collections)
      EXPECT_GE(each.sequence, before.at(each.collection)) << "what was acknowledged before is in it";
    EXPECT_EQ(report.backup.number, static_cast<uint64_t>(i + 1));
    EXPECT_LE(report.copied_bytes, report.backup.bytes);
    backups.push_back(report.backup);
  }
  done = true;
  for (std::thread& writer : writers) writer.join();
  watcher.join();
  EXPECT_TRUE(seen_progress);
  EXPECT_FALSE(db_->backup_progress().has_value());

  const auto listed = must(list_backups(to_, {}));
  ASSERT_EQ(listed.size(), 4u);
  EXPECT_EQ(listed[2].time_ms, backups[2].time_ms);
  for (const BackupInfo& backup : backups) {
    SCOPED_TRACE(backup.number);
    const std::string from = fmt::format("{}/{}", to_, backup.number);
    const BackupCheck checked = must(verify_backup(from, {}));
    EXPECT_TRUE(checked.problems.empty()) << checked.problems.front();
    const std::string restored = home_ / fmt::format("restored-{}", backup.number);
    ByteProgress progress;
    must(restore_backup(from, restored, {.stop = {}, .progress = &progress}));
    EXPECT_EQ(progress.done, progress.total);
    EXPECT_EQ(progress.total, backup.bytes);
    check(restored, backup, seeds);
    EXPECT_FALSE(stdfs::exists(restored + ".partial"));
    EXPECT_FALSE(stdfs::exists(restored + "/PARTIAL"));
  }
  // What was done to the restored directories did not reach the backups.
  for (const BackupInfo& backup : backups)
    EXPECT_TRUE(must(verify_backup(fmt::format("{}/{}", to_, backup.number), {})).problems.empty());
}

TEST_F(BackupTest, TheNextOneLinksWhatIsTheSame) {
  auto books = create("books");
  fill(*books, 1, 0, 200);
  must(books->settle({}));
  must(books->checkpoint());
  const BackupReport first = must(db_->backup(to_, {}));
  fill(*books, 1, 200, 201);
  const BackupReport second = must(db_->backup(to_, {}));
  EXPECT_LT(second.copied_bytes, second.backup.bytes / 10);
  size_t shared = 0;
  for (const auto& entry : stdfs::recursive_directory_iterator(to_ + "/2"))
    shared += entry.is_regular_file() && entry.hard_link_count() > 1;
  EXPECT_GE(shared, 3u);
  // Each stands by itself, also when what was backed up is gone.
  books.reset();
  db_.reset();
  stdfs::remove_all(data_);
  stdfs::remove_all(to_ + "/1");
  must(restore_backup(to_, data_, {}));
  check(data_, second.backup, {{"books", 1}});
}

TEST_F(BackupTest, ARestoreNeedsAFreePlace) {
  create("books");
  must(db_->backup(to_, {}));
  EXPECT_ERROR(restore_backup(to_, data_, {}), Code::kAlreadyExists, data_);
  EXPECT_ERROR(restore_backup(home_ / "nowhere", home_ / "new", {}), Code::kNotFound, "nowhere");
  EXPECT_ERROR(restore_backup(home_.path(), home_ / "new", {}), Code::kNotFound, home_.path());
  EXPECT_ERROR(restore_backup(to_, "", {}), Code::kInvalidArgument, "");
  EXPECT_ERROR(restore_backup(to_, home_ / "x/..", {}), Code::kAlreadyExists, "");
  EXPECT_FALSE(stdfs::exists(home_ / "new"));
  stdfs::create_directory(home_ / "empty");
  must(restore_backup(to_, home_ / "empty", {}));
  must(restore_backup(to_ + "/1", home_ / "deep/below", {}));
  for (const char* name : {"empty", "deep/below"})
    EXPECT_EQ(open_at(home_ / name)->collection_names(), std::vector<std::string>{"books"});
  // One that is cut short leaves nothing at the target, and does not stand in the way of the next.
  stdfs::create_directories(home_ / "late.partial/store");
  test::write_bytes(home_ / "late.partial/store/000099.sst", "left by a crash");
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  EXPECT_ERROR(restore_backup(to_, home_ / "late", {.stop = stop}), Code::kCancelled, "");
  EXPECT_FALSE(stdfs::exists(home_ / "late"));
  EXPECT_FALSE(stdfs::exists(home_ / "late.partial"));
  must(restore_backup(to_, home_ / "late", {}));
  EXPECT_FALSE(stdfs::exists(home_ / "late/store/000099.sst"));
}

TEST_F(BackupTest, ItGoesNowhereIntoTheDirectoryItself) {
  create("books");
  for (const std::string& to : {data_, data_ + "/", data_ + "/backups", data_ + "/x/../store", std::string()})
    EXPECT_ERROR(db_->backup(to, {}), Code::kInvalidArgument, "backup: ");
  EXPECT_FALSE(stdfs::exists(data_ + "/LOCK/1"));
  must(db_->backup(data_ + "-beside", {}));
  Stop stop;
  stop.cancelled = [](const void*) { return true; };
  EXPECT_ERROR(db_->backup(to_, stop), Code::kCancelled, "");
  EXPECT_EQ(must(list_backups(to_, {})).size(), 0u);
}

TEST_F(BackupTest, DamageOfAnyFileIsFoundByVerifyAndRestore) {
  auto books = create("books");
  fill(*books, 1, 0, 100);
  must(books->checkpoint());
  fill(*books, 1, 100, 120);
  must(db_->backup(to_, {}));
  db_.reset();
  // Copies: links would carry the damage on to the next round.
  const std::string whole = home_ / "whole";
  stdfs::copy(to_ + "/1", whole, stdfs::copy_options::recursive);
  std::vector<std::string> names;
  for (const auto& entry : stdfs::recursive_directory_iterator(whole))
    if (entry.is_regular_file()) names.push_back(stdfs::relative(entry.path(), whole));
  ASSERT_GE(names.size(), 9u);  // BACKUP; CURRENT, MANIFEST, OPTIONS, tables, blobs; MANIFEST, ids, main ...
  Random random(6);
  size_t damaged = 0;
  for (size_t round = 0; round < 3 * names.size(); ++round) {
    const std::string copy = home_ / "copy";
    stdfs::remove_all(copy);
    stdfs::copy(whole, copy, stdfs::copy_options::recursive);
    const std::string path = copy + "/" + names[round % names.size()];
    const auto what =
        damage_file(posix_file_system(), path, Damage{static_cast<uint8_t>(round % kDamages)}, random);
    if (!what.ok()) {
      if (round % 2 == 0) continue;  // short files
      stdfs::remove(path);
    }
    ++damaged;
    SCOPED_TRACE(path);
    const auto checked = verify_backup(copy, {});
    if (checked.ok()) {
      EXPECT_FALSE(checked->problems.empty());
    } else {
      EXPECT_TRUE(path.ends_with("/BACKUP")) << checked.error().message;
    }
    const auto restored = restore_backup(copy, home_ / "new", {});
    ASSERT_FALSE(restored.ok());
    EXPECT_TRUE(restored.error().code == Code::kCorruption || restored.error().code == Code::kNotFound)
        << restored.error().message;
    ASSERT_FALSE(stdfs::exists(home_ / "new"));
    ASSERT_FALSE(stdfs::exists(home_ / "new.partial"));
  }
  EXPECT_GT(damaged, 2 * names.size());
}

TEST_F(BackupTest, AQuarantinedCollectionDoesNotStopTheOthers) {
  auto books = create("books");
  fill(*books, 1, 0, 50);
  auto photos = create("photos");
  fill(*photos, 2, 0, 50);
  // An id that names a row which no change made.
  books.reset();
  photos.reset();
  db_.reset();
  {
    const auto store = must(open_rocksdb_kv_store(data_ + "/store", {}));
    KvBatch batch;
    batch.put(KvTable::kRecords, id_entry_key(2, std::string("\x01\0\0\0\0\0\0\0\x01", 9)),
              row_value(123'456));
    must(store->write(batch, KvSurvives::kPower));
  }
  stdfs::remove_all(data_ + "/checkpoints/2");
  open(small_tables());
  ASSERT_EQ(code_of(db_->collection("photos")), Code::kCorruption);
  const BackupReport report = must(db_->backup(to_, {}));
  ASSERT_EQ(report.backup.collections.size(), 2u);
  EXPECT_FALSE(report.backup.collections[0].quarantined);
  EXPECT_TRUE(report.backup.collections[1].quarantined);
  EXPECT_EQ(report.backup.collections[1].collection, "photos");
  must(restore_backup(to_, home_ / "restored", {}));
  auto restored = open_at(home_ / "restored");
  EXPECT_TRUE(content_of(*must(restored->collection("books"))) == content_after_batches(1, 50));
  EXPECT_EQ(code_of(restored->collection("photos")), Code::kCorruption);
}

TEST_F(BackupTest, CollectionsComeAndGoMeanwhile) {
  std::atomic<bool> done{false};
  create("steady");
  std::thread changer([&] {
    for (uint64_t round = 0; !done; ++round) {
      const std::string name = fmt::format("c{}", round);
      auto made = create(name);
      fill(*made, 1, 0, 12);
      must(made->checkpoint());
      must(db_->drop_collection(name));
    }
  });
  for (int i = 0; i < 8; ++i) {
    const BackupReport report = must(db_->backup(to_, {}));
    const std::string path = fmt::format("{}/{}", to_, report.backup.number);
    const BackupCheck checked = must(verify_backup(path, {}));
    EXPECT_TRUE(checked.problems.empty()) << checked.problems.front();
  }
  done = true;
  changer.join();
  must(restore_backup(to_, home_ / "restored", {}));
  auto restored = open_at(home_ / "restored");
  for (const std::string& name : restored->collection_names()) must(restored->collection(name));
}

}  // namespace
}  // namespace kith
