// Goal: an open from a checkpoint gives the collection that was closed, checkpoints run beside writers, and
// one that is damaged, missing or of another time costs time, not answers. Method: the public API on a real
// directory; files are damaged, taken away and exchanged between opens; answers are held against a model and
// an exact scan.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "base/io/damage.h"
#include "base/random.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;
namespace stdfs = std::filesystem;

constexpr uint32_t kDim = 8;

DatabaseOptions only_by_asking() {
  DatabaseOptions options;
  options.checkpoints.bytes = UINT64_MAX;
  options.checkpoints.age = std::chrono::hours(1);
  options.checkpoints.at_close = false;
  return options;
}

class CheckpointTest : public testing::Test {
 protected:
  void open(const DatabaseOptions& options = only_by_asking()) {
    books_.reset();
    db_.reset();
    db_ = open_at(directory_.path(), options);
    if (db_->collection_names().empty())
      must(db_->create_collection("books", schema_of({field("v", kDim, Metric::kL2, "vamana"),
                                                      field("w", kDim, Metric::kCosine, "hnsw")})));
    books_ = must(db_->collection("books"));
  }

  void upsert(uint64_t first, uint64_t count) {
    for (uint64_t from = first; from < first + count; from += 500) {
      std::vector<Point> points;
      for (uint64_t id = from; id < std::min(from + 500, first + count); ++id) {
        Point each;
        each.id = id;
        for (const char* name : {"v", "w"}) {
          std::vector<float> vector(kDim);
          for (float& x : vector) x = static_cast<float>(random_.normal());
          each.vectors.push_back({name, f32(vector)});
          model_[id].vectors[name] = each.vectors.back().data;
        }
        points.push_back(std::move(each));
      }
      must(books_->upsert(points, Durability::kAsync));
    }
  }
  void remove(uint64_t first, uint64_t count) {
    std::vector<Id> ids;
    for (uint64_t id = first; id < first + count; ++id) {
      ids.emplace_back(id);
      model_.erase(id);
    }
    must(books_->remove(ids, Durability::kAsync));
  }

  /// `damaged`: the checkpoint is, perhaps; then the next one is whole.
  void check(bool damaged = false) {
    ASSERT_EQ(must(books_->count()), model_.size());
    ASSERT_EQ(content_of(*books_, 1'000), model_);
    size_t found = 0;
    for (int i = 0; i < 50; ++i) {
      Query q;
      q.field = i % 2 == 0 ? "v" : "w";
      auto at = model_.lower_bound(Id{random_.below(10'000)});
      if (at == model_.end()) at = model_.begin();
      q.vector = at->second.vectors[q.field];
      q.k = 10;
      q.effort = 200;
      const auto by_index = ids_of(must(books_->search(q)));
      q.exact = true;
      const auto exact = ids_of(must(books_->search(q)));
      for (const std::string& id : by_index) found += std::ranges::count(exact, id);
    }
    EXPECT_GE(found, 490u) << "of 500";
    must(books_->settle({}));
    if (damaged) {
      for (const std::string& problem : must(db_->verify("books", {})).problems)
        EXPECT_TRUE(problem.starts_with("checkpoint, written anew by the next one")) << problem;
      must(books_->checkpoint());
    }
    const auto report = must(db_->verify("books", {}));
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
  }

  std::vector<std::string> files() {
    std::vector<std::string> paths;
    for (const auto& entry : stdfs::directory_iterator(directory_ / "checkpoints/1"))
      paths.push_back(entry.path().string());
    std::ranges::sort(paths);
    return paths;
  }

  TempDirectory directory_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
  std::map<Id, Content> model_;
  Random random_{5};
};

TEST_F(CheckpointTest, AnOpenTakesTheIndexFromItAndTheRestFromTheLog) {
  open();
  upsert(0, 6'000);
  must(books_->settle({}));
  const auto report = must(books_->checkpoint());
  EXPECT_EQ(report.sequence, books_->info().sequence);
  upsert(5'500, 1'000);  // half of them again
  remove(100, 200);
  open();
  for (const FieldInfo& field : books_->info().fields) {
    EXPECT_TRUE(field.usable);
    EXPECT_EQ(field.stats.rows, model_.size());
    EXPECT_LE(field.stats.removed, 700u) << "rows of before the checkpoint that were removed after it";
    EXPECT_LE(field.stats.pending, 1'000u) << "what the checkpoint had linked is linked";
  }
  check();
  // What is unchanged is not written again.
  const auto next = must(books_->checkpoint());
  const auto last = must(books_->checkpoint());
  EXPECT_LT(last.written + 2 * 6'000 * kDim * 4, last.bytes) << next.written;
  open();
  check();
}

TEST_F(CheckpointTest, WhatItHoldsUnlinkedIsLinkedAfterAnOpen) {
  open();
  upsert(0, 12'000);
  ASSERT_GT(books_->info().fields[0].stats.pending, 0u) << "linked faster than written: write more";
  must(books_->checkpoint());
  open();
  const auto pending = [&] {
    uint64_t most = 0;
    for (const FieldInfo& field : books_->info().fields) most = std::max(most, field.stats.pending);
    return most;
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  uint64_t before = pending();
  for (auto moved = std::chrono::steady_clock::now(); before > 0;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const auto now = std::chrono::steady_clock::now();
    if (const uint64_t left = pending(); left < before) moved = now, before = left;
    ASSERT_TRUE(now < deadline && now - moved < std::chrono::seconds(5)) << before << " rows stay unlinked";
  }
}

TEST_F(CheckpointTest, OneIsTakenAtCloseAndBySizeAndByAge) {
  DatabaseOptions options = only_by_asking();
  options.checkpoints.at_close = true;
  open(options);
  upsert(0, 5'000);
  open(options);
  EXPECT_EQ(books_->info().fields[0].stats.rows, 5'000u);
  EXPECT_GE(files().size(), 4u);
  const auto wait_for_another = [&](const std::string& what) {
    const auto before = files();
    upsert(0, 500);
    for (int i = 0; i < 500 && files() == before; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    EXPECT_NE(files(), before) << what;
  };
  options.checkpoints.bytes = 1'000;
  open(options);
  wait_for_another("by size");
  options = only_by_asking();
  options.checkpoints.age = std::chrono::milliseconds(100);
  open(options);
  wait_for_another("by age");
  open();
  check();
}

TEST_F(CheckpointTest, SmallCollectionsHaveNone) {
  DatabaseOptions options;
  options.checkpoints.age = std::chrono::milliseconds(1);
  open(options);
  upsert(0, 1'000);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  open(options);
  EXPECT_FALSE(stdfs::exists(directory_ / "checkpoints"));
  check();
}

TEST_F(CheckpointTest, ConcurrentWritersLoseNothing) {
  open();
  upsert(0, 3'000);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> taken{0};
  std::thread checkpoints([&] {
    while (!done) {
      must(books_->checkpoint());
      ++taken;
    }
  });
  for (uint64_t round = 0; round < 20; ++round) {
    upsert(round * 400, 600);
    remove(round * 300, 100);
  }
  done = true;
  checkpoints.join();
  EXPECT_GE(taken, 3u);
  open();
  check();
}

TEST_F(CheckpointTest, ADamagedFileCostsTimeNotAnswers) {
  open();
  upsert(0, 4'500);
  must(books_->checkpoint());
  upsert(4'000, 700);
  const stdfs::path whole = directory_ / "whole";
  books_.reset();
  db_.reset();
  stdfs::copy(directory_ / "checkpoints", whole, stdfs::copy_options::recursive);
  std::vector<std::string> names;
  for (const std::string& path : files()) names.push_back(stdfs::path(path).filename().string());
  ASSERT_GE(names.size(), 6u);  // manifest, ids, and per field main and vectors
#ifdef KITH_SANITIZED
  constexpr int kRounds = 12;
#else
  constexpr int kRounds = 36;
#endif
  int damaged = 0;
  for (int round = 0; round < kRounds; ++round) {
    stdfs::remove_all(directory_ / "checkpoints");
    stdfs::copy(whole, directory_ / "checkpoints", stdfs::copy_options::recursive);
    const std::string path = directory_ / "checkpoints/1/" + names[round % names.size()];
    const auto what =
        damage_file(posix_file_system(), path, Damage{static_cast<uint8_t>(round % kDamages)}, random_);
    if (round % 7 == 6) stdfs::remove(path);
    damaged += what.ok();
    SCOPED_TRACE(fmt::format("{}: {}", path, what.ok() ? *what : "removed"));
    open();
    check(/*damaged=*/true);
    if (HasFailure()) return;
  }
  EXPECT_GT(damaged, kRounds * 2 / 3);
}

TEST_F(CheckpointTest, OneOfAnotherTimeIsNotUsed) {
  open();
  upsert(0, 1'000);
  books_.reset();
  db_.reset();
  stdfs::copy(directory_ / "store", directory_ / "old_store", stdfs::copy_options::recursive);
  open();
  upsert(2'000, 1'000);
  must(books_->checkpoint());
  books_.reset();
  db_.reset();
  stdfs::remove_all(directory_ / "store");
  stdfs::rename(directory_ / "old_store", directory_ / "store");
  for (uint64_t id = 2'000; id < 3'000; ++id) model_.erase(id);
  open();
  check();
  upsert(5'000, 5'000);  // past the sequence of the other history
  open();
  check();
}

TEST_F(CheckpointTest, ADropTakesItsFilesAlong) {
  open();
  upsert(0, 1'000);
  must(books_->checkpoint());
  must(db_->drop_collection("books"));
  EXPECT_FALSE(stdfs::exists(directory_ / "checkpoints/1"));
  EXPECT_EQ(code_of(books_->checkpoint()), Code::kNotFound);
}

/// More rows than are built while opening: their field is answered by exact scan until the index stands
/// again.
TEST_F(CheckpointTest, ALargeFieldIsRebuiltInTheBackgroundBesideWriters_slow) {
  open();
  upsert(0, 70'000);
  must(books_->checkpoint());
  books_.reset();
  db_.reset();
  for (const std::string& path : files())
    if (path.find("-f0-") != std::string::npos) stdfs::resize_file(path, stdfs::file_size(path) - 1);
  open();
  const auto info = books_->info();
  EXPECT_FALSE(info.fields[0].usable);
  EXPECT_TRUE(info.fields[0].rebuilding.has_value());
  EXPECT_TRUE(info.fields[1].usable);
  upsert(60'000, 5'000);
  remove(0, 1'000);
  upsert(500, 100);
  for (uint64_t id = 80'000; !books_->info().fields[0].usable; id += 20)
    upsert(id, 20);  // until it is swapped
  Query q = query(std::vector<float>(kDim, 0));
  q.field = "v";
  EXPECT_EQ(must(books_->search(q)).hits.size(), 10u);
  check(/*damaged=*/true);
  const auto after = books_->info();
  EXPECT_TRUE(after.fields[0].usable);
  EXPECT_EQ(after.fields[0].stats.rows, model_.size());
}

}  // namespace
}  // namespace kith
