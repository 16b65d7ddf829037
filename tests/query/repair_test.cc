// Goal: damage anywhere in a directory is found by verify; repair drops what is derived; salvage brings every
// point through that can still be read, whole, says of the others that they are lost, makes none up, and
// changes nothing in the source. Method: files of every kind damaged in many ways, one at a time; what came
// through is held against the model.
#include "query/repair.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/io/damage.h"
#include "base/random.h"
#include "tests/query/test_database.h"
#include "tests/support/result_matchers.h"
#include "tests/support/seed.h"

namespace kith {
namespace {

using namespace testing_support;
namespace stdfs = std::filesystem;

constexpr uint32_t kDim = 40;

class RepairTest : public testing::Test {
 protected:
  /// 1,500 points over several tables and blob files, some replaced, some removed, some in the log alone.
  void make() {
    Random random(7);
    auto db = open_db();
    auto books = must(db->create_collection(
        "books", schema_of({field("v", kDim, Metric::kL2, "hnsw"), field("w", 4, Metric::kCosine, "flat")})));
    for (int round = 0; round < 6; ++round) {
      std::vector<Point> batch;
      for (uint64_t i = 0; i < 300; ++i) {
        const uint64_t id = random.below(1'500);
        if (std::ranges::any_of(batch, [&](const Point& p) { return p.id == Id(id); })) continue;
        Point each = point(Id(id), {}, fmt::format("{{\"round\":{},\"text\":\"{}\"}}", round, random.next()));
        each.vectors = {{"v", f32(vector(random, kDim))}, {"w", f32(vector(random, 4))}};
        if (id % 5 == 0) each.vectors.pop_back();
        Content& content = model_[each.id];
        content = {each.payload, {}};
        for (const FieldVector& v : each.vectors) content.vectors[v.field] = v.data;
        batch.push_back(std::move(each));
      }
      must(books->upsert(batch, Durability::kAsync));
      std::vector<Id> gone;
      for (uint64_t i = 0; i < 30; ++i) gone.emplace_back(random.below(1'500));
      must(books->remove(gone, Durability::kAsync));
      for (const Id& id : gone) {
        model_.erase(id);
        removed_.insert(id);
      }
      if (round == 2) must(books->checkpoint());
      books.reset();
      db.reset();  // a flush
      db = open_db();
      books = must(db->collection("books"));
    }
    for (const auto& [id, content] : model_) removed_.erase(id);
  }
  std::unique_ptr<Database> open_db() {
    DatabaseOptions options;
    options.checkpoints.at_close = false;
    options.memtable_bytes = 1u << 20;
    return open_at(data_, options);
  }
  static std::vector<float> vector(Random& random, size_t dim) {
    std::vector<float> values(dim);
    for (float& x : values) x = static_cast<float>(random.normal());
    return values;
  }
  static std::vector<std::string> files(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory))
      if (entry.is_regular_file()) names.push_back(stdfs::relative(entry.path(), directory));
    std::ranges::sort(names);
    return names;
  }
  static std::map<std::string, std::string> bytes_of(const std::string& directory) {
    std::map<std::string, std::string> out;
    for (const std::string& name : files(directory))
      if (name != "LOCK") out[name] = test::read_bytes(directory + "/" + name);
    return out;
  }
  void copy(const std::string& from, const std::string& to) {
    stdfs::remove_all(to);
    stdfs::copy(from, to, stdfs::copy_options::recursive);
  }

  TempDirectory home_;
  const std::string data_ = home_ / "data", whole_ = home_ / "whole", saved_ = home_ / "saved";
  std::map<Id, Content> model_;
  std::set<Id> removed_;  // were there once
};

TEST_F(RepairTest, AWholeDirectoryComesThroughWhole) {
  make();
  const auto before = bytes_of(data_);
  const SalvageReport report = must(salvage_directory(data_, saved_, {}));
  EXPECT_EQ(bytes_of(data_), before) << "the source was changed";
  EXPECT_TRUE(report.remarks.empty()) << report.remarks.front();
  ASSERT_EQ(report.collections.size(), 1u);
  EXPECT_EQ(report.collections[0].name, "books");
  EXPECT_EQ(report.collections[0].points, model_.size());
  EXPECT_EQ(report.collections[0].lost, 0u);
  {
    auto saved = open_at(saved_);
    EXPECT_TRUE(content_of(*must(saved->collection("books"))) == model_);
    EXPECT_TRUE(must(saved->verify("", {})).problems.empty());
  }
  EXPECT_FALSE(stdfs::exists(saved_ + "/salvage"));
  EXPECT_ERROR(salvage_directory(data_, saved_, {}), Code::kAlreadyExists, saved_);
  EXPECT_ERROR(salvage_directory(home_ / "nowhere", home_ / "x", {}), Code::kNotFound, "nowhere");
  auto open = open_db();
  EXPECT_ERROR(salvage_directory(data_, home_ / "x", {}), Code::kFailedPrecondition, "");
  EXPECT_ERROR(repair_directory(data_, {}), Code::kFailedPrecondition, "");
  EXPECT_FALSE(stdfs::exists(home_ / "x"));
}

TEST_F(RepairTest, DamageOfAnyFileCostsNoMoreThanWhatWasInIt) {
  make();
  copy(data_, whole_);
  const uint64_t seed = test::test_seed();
  SCOPED_TRACE(fmt::format("KITH_SEED={}", seed));
  Random random(seed);
  std::vector<std::string> names;
  for (const std::string& name : files(whole_))
    if (name.starts_with("store/") && name.find("LOG") == std::string::npos &&
        name.find("LOCK") == std::string::npos && name.find("IDENTITY") == std::string::npos)
      names.push_back(name);
  ASSERT_GE(names.size(), 8u);
  size_t damaged = 0, through = 0, lossless = 0, guessed = 0;
  for (size_t round = 0; round < 4 * names.size(); ++round) {
    copy(whole_, data_);
    const std::string& name = names[round % names.size()];
    const std::string path = data_ + "/" + name;
    auto what =
        damage_file(posix_file_system(), path, Damage{static_cast<uint8_t>(random.below(kDamages))}, random);
    if (!what.ok() || random.below(8) == 0) {
      stdfs::remove(path);
      what = std::string("removed");
    }
    ++damaged;
    SCOPED_TRACE(fmt::format("{}: {}", name, *what));
    const auto before = bytes_of(data_);
    stdfs::remove_all(saved_);
    const auto report = salvage_directory(data_, saved_, {});
    ASSERT_EQ(bytes_of(data_), before) << "the source was changed";
    ASSERT_OK(report);
    const bool guess = !report->remarks.empty();
    guessed += guess;
    if (report->collections.empty() || !report->collections[0].error.empty()) {
      EXPECT_TRUE(guess || !report->collections.empty());
      continue;  // the record of the collection was in it
    }
    const SalvagedCollection& books = report->collections[0];
    auto saved = open_at(saved_);
    const auto content = content_of(*must(saved->collection("books")));
    EXPECT_EQ(content.size(), books.points);
    through += content.size();
    lossless += content == model_;
    size_t wrong = 0;
    for (const auto& [id, each] : content) {
      const auto wanted = model_.find(id);
      const bool same = wanted != model_.end() && wanted->second == each;
      // Where files were guessed, or a tombstone was in the damaged one, an older state may be back; a point
      // is whole all the same.
      if (!same && !guess && books.lost == 0) ++wrong;
      EXPECT_TRUE(wanted != model_.end() || removed_.contains(id)) << "made up: " << to_string(id);
    }
    EXPECT_EQ(wrong, 0u);
    if (!guess) {
      EXPECT_GE(books.points + books.lost, model_.size()) << "some are neither there nor said to be lost";
    }
  }
  EXPECT_EQ(damaged, 4 * names.size());
  EXPECT_GT(through, damaged * model_.size() / 2);
  EXPECT_GT(lossless, damaged / 10);
  EXPECT_GT(guessed, 2u);
}

TEST_F(RepairTest, DamagedCheckpointsAreDropped) {
  make();
  copy(data_, whole_);
  Random random(2);
  std::vector<std::string> names;
  for (const std::string& name : files(whole_))
    if (name.starts_with("checkpoints/")) names.push_back(name);
  ASSERT_GE(names.size(), 4u);
  for (size_t round = 0; round < 2 * names.size(); ++round) {
    copy(whole_, data_);
    const std::string path = data_ + "/" + names[round % names.size()];
    const auto what =
        damage_file(posix_file_system(), path, Damage{static_cast<uint8_t>(round % kDamages)}, random);
    if (!what.ok()) continue;
    SCOPED_TRACE(path);
    {
      // A running database says so too, and its next checkpoint is whole again.
      auto db = open_db();
      const VerifyReport verified = must(db->verify("", {}));
      if (stdfs::exists(path) && !path.ends_with("MANIFEST")) {
        ASSERT_FALSE(verified.problems.empty());
        EXPECT_NE(verified.problems.front().find("checkpoint"), std::string::npos)
            << verified.problems.front();
      }
    }
    const RepairReport report = must(repair_directory(data_, {}));
    EXPECT_EQ(report.dropped.size(), 1u);
    EXPECT_TRUE(report.problems.empty()) << report.problems.front();
    EXPECT_EQ(report.collections, 1u);
    auto db = open_db();
    EXPECT_TRUE(content_of(*must(db->collection("books"))) == model_);
    EXPECT_TRUE(must(db->verify("", {})).problems.empty());
  }
  copy(whole_, data_);
  const RepairReport report = must(repair_directory(data_, {}));
  EXPECT_TRUE(report.dropped.empty());
  EXPECT_TRUE(report.problems.empty());
}

TEST_F(RepairTest, ADamagedCheckpointIsWrittenAnewByTheNextOne) {
  make();
  auto db = open_db();
  auto books = must(db->collection("books"));
  must(books->checkpoint());
  must(books->checkpoint());
  for (const auto& entry : stdfs::directory_iterator(data_ + "/checkpoints/1"))
    if (entry.path().string().find("-f0-") != std::string::npos) {
      EXPECT_OK(
          damage_file(posix_file_system(), entry.path(), Damage::kBitFlip, *std::make_unique<Random>(3)));
    }
  EXPECT_FALSE(must(db->verify("books", {})).problems.empty());
  must(books->checkpoint());
  const VerifyReport after = must(db->verify("", {}));
  EXPECT_TRUE(after.problems.empty()) << after.problems.front();
}

TEST_F(RepairTest, VerifyReadsTheStoresFilesAsFiles) {
  make();
  copy(data_, whole_);
  Random random(5);
  size_t damaged = 0;
  for (const std::string& name : files(whole_)) {
    if (!name.ends_with(".sst") && !name.ends_with(".blob")) continue;
    copy(whole_, data_);
    auto db = open_db();
    ASSERT_TRUE(must(db->verify("", {})).problems.empty());
    const auto what = damage_file(posix_file_system(), data_ + "/" + name, Damage::kBitFlip, random);
    ASSERT_OK(what);
    ++damaged;
    const VerifyReport report = must(db->verify("", {}));
    const bool named = std::ranges::any_of(report.problems, [&](const std::string& problem) {
      return problem.find(stdfs::path(name).filename().string() + ": wrong checksum") != std::string::npos;
    });
    EXPECT_TRUE(named) << *what;
  }
  EXPECT_GE(damaged, 4u);
}

}  // namespace
}  // namespace kith
