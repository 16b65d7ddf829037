// Goal: beyond the limits on memory and disk upserts are refused at once, in words that name what is used,
// the limit and the way out, and change nothing; reads and removals go on; with room upserts do too, without
// a restart, and nothing that was acknowledged is lost. Method: small budgets, a disk of limited size in
// memory, cycles of filling and freeing against a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/io/memory_file_system.h"
#include "base/random.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr uint32_t kDim = 64;

std::vector<Point> points_from(uint64_t first, size_t count, size_t payload = 0) {
  std::vector<Point> points;
  for (uint64_t id = first; id < first + count; ++id) {
    Random random(id);
    std::vector<float> vector(kDim);
    for (float& value : vector) value = static_cast<float>(random.normal());
    points.push_back(point(id, vector, fmt::format("{{\"t\":\"{}\"}}", std::string(payload, 'x'))));
  }
  return points;
}

void expect_refused(Collection& collection, const std::vector<Point>& points, const char* limit) {
  const uint64_t sequence = collection.info().sequence;
  auto refused = collection.upsert(points, Durability::kSync);
  std::vector<std::chrono::nanoseconds> took;
  for (int i = 0; i < 5; ++i) {  // the machine may be busy with something else once
    const auto start = std::chrono::steady_clock::now();
    refused = collection.upsert(points, Durability::kSync);
    took.push_back(std::chrono::steady_clock::now() - start);
  }
  std::sort(took.begin(), took.end());
  EXPECT_LT(took[2], std::chrono::milliseconds(100));
  ASSERT_EQ(code_of(refused), Code::kResourceExhausted);
  for (const char* word : {limit, "reads and deletes go on"})
    EXPECT_NE(refused.error().message.find(word), std::string::npos) << refused.error().message;
  EXPECT_EQ(collection.info().sequence, sequence);
}

class MemoryLimitTest : public testing::Test {
 protected:
  void open(uint64_t memory_bytes_max) {
    books_.reset();
    db_.reset();
    DatabaseOptions options;
    options.memory_bytes_max = memory_bytes_max;
    options.memtable_bytes = 256u << 10;
    options.fs = &fs_;
    db_ = open_at("/db", options);
  }
  std::shared_ptr<Collection> create(const std::string& name) {
    return must(db_->create_collection(name, schema_of({field("v", kDim)})));
  }
  /// Points that went in before it was refused.
  static uint64_t fill(Collection& collection) {
    uint64_t id = 0;
    while (id < 1'000'000 && collection.upsert(points_from(id, 500), Durability::kAsync).ok()) id += 500;
    return id;
  }
  void expect_all_else_goes_on(Collection& collection, uint64_t points) {
    EXPECT_EQ(must(collection.count()), points);
    EXPECT_EQ(must(collection.search(query(std::vector<float>(kDim, 0.5f)))).hits.size(), 10u);
    EXPECT_EQ(must(collection.remove(std::vector{Id(uint64_t{3})}, Durability::kSync)).removed, 1u);
    EXPECT_FALSE(must(collection.get(std::vector{Id(uint64_t{3})}, {}))[0].has_value());
  }

  MemoryFileSystem fs_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

TEST_F(MemoryLimitTest, ACollectionTakesNoMoreThanItsOwn) {
  open(0);
  books_ = create("books");
  auto others = create("others");
  must(db_->limit_memory("books", 4u << 20));
  const uint64_t points = fill(*books_);
  EXPECT_GT(points, 4'000u) << "refused long before the limit";
  EXPECT_LT(points, 16'000u);
  expect_refused(*books_, points_from(points, 500), "of collection 'books'");
  EXPECT_LE(books_->info().memory_bytes, (4u << 20) + (512u << 10));
  EXPECT_EQ(books_->info().memory_bytes_max, 4u << 20);
  expect_all_else_goes_on(*books_, points);
  must(others->upsert(points_from(0, 1000), Durability::kAsync));

  must(db_->limit_memory("books", 5u << 20));
  must(books_->upsert(points_from(points, 500), Durability::kAsync));
  must(db_->limit_memory("books", 1u << 20));
  EXPECT_EQ(must(books_->count()), points + 499) << "what is over a new limit stays";
  others.reset();
  open(0);
  books_ = must(db_->collection("books"));
  EXPECT_EQ(books_->info().memory_bytes_max, 1u << 20) << "kept across restarts";
  expect_refused(*books_, points_from(points, 1), "of collection 'books'");
  must(db_->limit_memory("books", 0));
  must(books_->upsert(points_from(points, 500), Durability::kAsync));
  EXPECT_EQ(books_->info().memory_bytes_max, 0u);
  EXPECT_EQ(code_of(db_->limit_memory("nobody", 1)), Code::kNotFound);
  EXPECT_EQ(code_of(db_->limit_memory("books", UINT64_MAX)), Code::kInvalidArgument);
}

TEST_F(MemoryLimitTest, AllCollectionsTogetherTakeNoMoreThanTheDatabases) {
  open(12u << 20);
  books_ = create("books");
  auto others = create("others");
  must(others->upsert(points_from(0, 8'000), Durability::kAsync));
  const uint64_t points = fill(*books_);
  expect_refused(*books_, points_from(points, 500), "of the database");
  expect_refused(*others, points_from(9'000, 500), "of the database");
  expect_all_else_goes_on(*books_, points);
  others.reset();
  must(db_->drop_collection("others"));
  must(books_->upsert(points_from(points, 500), Durability::kAsync), "the memory of the other one is free");
}

TEST_F(MemoryLimitTest, OverTheLimitADatabaseOpensAndReads) {
  open(0);
  books_ = create("books");
  must(books_->upsert(points_from(0, 5'000), Durability::kSync));
  open(1u << 20);
  books_ = must(db_->collection("books"));
  expect_refused(*books_, points_from(0, 1), "of the database");
  expect_all_else_goes_on(*books_, 5'000);
}

class DiskLimitTest : public testing::Test {
 protected:
  void open(std::optional<uint64_t> reserve) {
    x_.reset();
    db_.reset();
    DatabaseOptions options;
    options.fs = &fs_;
    options.memtable_bytes = 128u << 10;
    options.disk_reserve_bytes = reserve;
    options.checkpoints.points_min = 100;
    options.checkpoints.bytes = 1u << 20;
    db_ = open_at("/db", options);
    if (db_->collection_names().empty()) must(db_->create_collection("x", schema_of({field("v", kDim)})));
    x_ = must(db_->collection("x"));
  }
  void set_room(uint64_t bytes) {
    const DiskSpace space = *fs_.disk_space("/");
    fs_.set_disk_bytes(space.total - space.free + bytes);
  }
  Result<WriteReceipt> upsert(Random& random) {
    std::vector<Point> points = points_from(ids_ += 10, 50, 200 + random.below(2000));  // most replace others
    auto written = x_->upsert(points, random.below(2) == 0 ? Durability::kSync : Durability::kAsync);
    if (!written.ok()) return written;
    for (Point& each : points) model_[each.id] = {each.payload, {{"v", each.vectors[0].data}}};
    return written;
  }
  Error fill(Random& random) {
    for (int i = 0; i < 10'000; ++i)
      if (auto written = upsert(random); !written.ok()) return written.error();
    ADD_FAILURE() << "the disk never got full";
    return {};
  }
  void remove(Random& random) {
    std::vector<Id> ids;
    for (int i = 0; i < 20; ++i) ids.emplace_back(random.below(ids_ + 50));
    must(x_->remove(ids, Durability::kSync), "below the reserve");
    for (const Id& id : ids) model_.erase(id);
  }
  bool goes_on(Random& random) {
    for (int i = 0; i < 500; ++i) {
      if (upsert(random).ok()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  }

  MemoryFileSystem fs_;
  uint64_t ids_ = 0;
  std::map<Id, Content> model_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> x_;
};

TEST_F(DiskLimitTest, BelowTheReserveRemovalsGoOnAndWithSpaceUpsertsDo) {
  open(16u << 20);  // more than compactions of what is here take at once
  Random random(1);
  for (int cycle = 0; cycle < 20; ++cycle) {
    SCOPED_TRACE(cycle);
    set_room((16u << 20) + random.below(1u << 20));
    const Error full = fill(random);
    ASSERT_EQ(full.code, Code::kResourceExhausted) << full.message;
    ASSERT_NE(full.message.find("disk_reserve"), std::string::npos) << full.message;
    expect_refused(*x_, points_from(0, 500, 8'000), "disk_reserve");  // more than compactions free meanwhile
    for (int i = 0; i < 5; ++i) remove(random);
    ASSERT_EQ(must(x_->count()), model_.size());
    set_room(64u << 20);
    ASSERT_TRUE(goes_on(random));
  }
  EXPECT_EQ(content_of(*x_, 500), model_);
  fs_.set_disk_bytes(UINT64_MAX);
  const auto report = must(db_->verify("x", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

TEST_F(DiskLimitTest, WhenTheDiskIsFullAllTheSameItGoesOnOnceThereIsSpace) {
  open(0);
  Random random(2);
  for (int cycle = 0; cycle < 20; ++cycle) {
    SCOPED_TRACE(cycle);
    set_room(random.below(1u << 20));
    const Error full = fill(random);
    ASSERT_EQ(full.code, Code::kResourceExhausted) << full.message;
    ASSERT_NE(full.message.find("full"), std::string::npos) << full.message;
    // One may still find room that a flush or a compaction just made, and another be the one that meets the
    // end of the disk itself, which waits for flushes under way.
    int slow = 0;
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      if (upsert(random).ok()) continue;
      slow += std::chrono::steady_clock::now() - start > std::chrono::milliseconds(100) ? 1 : 0;
    }
    EXPECT_LE(slow, 1);
    ASSERT_EQ(must(x_->count()), model_.size());
    EXPECT_EQ(must(x_->search(query(std::vector<float>(kDim, 0.1f)))).hits.size(),
              std::min<size_t>(10, model_.size()));
    set_room(64u << 20);
    ASSERT_TRUE(goes_on(random)) << "five seconds after there was space";
    remove(random);
    if (cycle % 7 == 6) {
      open(0);
      ASSERT_EQ(content_of(*x_, 500), model_);
    }
  }
  EXPECT_EQ(content_of(*x_, 500), model_);
  const auto report = must(db_->verify("x", {}));
  EXPECT_TRUE(report.problems.empty()) << report.problems.front();
}

TEST_F(DiskLimitTest, TheDefaultReserveIsAShareOfASmallDisk) {
  fs_.set_disk_bytes(40u << 20);  // 2 MiB of it are reserved, which is room enough to compact what is here
  {
    const auto other = must(fs_.create("/other"));
    must(other->append(std::vector<std::byte>(36u << 20)));
  }
  open({});
  Random random(3);
  const Error full = fill(random);
  ASSERT_NE(full.message.find("2097152"), std::string::npos) << full.message;
  remove(random);
  EXPECT_EQ(content_of(*x_, 500), model_);
}

}  // namespace
}  // namespace kith
