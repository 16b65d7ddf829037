// Goal: a collection whose points are replaced for ever takes what those that live take, in memory and in its
// checkpoint. Method: points with payloads, labels and expiries are replaced some hundred times over, but for
// a few that stay; what the heap holds is measured early and late.
#include <gtest/gtest.h>
#include <malloc.h>

#include <filesystem>
#include <thread>

#include "query/collection/local_database.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "tests/query/test_database.h"
#include "tests/support/vectors.h"

namespace kith {
namespace {

using namespace testing_support;

class ForEver : public testing::Test {
 protected:
  static constexpr uint32_t kDim = 8;
  static constexpr size_t kPoints = 2'000, kEarly = 40, kLate = 200;  // rounds

  void open() {
    books_.reset();
    db_.reset();
    RecallPolicy recall;
    recall.look = recall.quiet = std::chrono::milliseconds(20);
    recall.points_min = kPoints / 2;
    recall.queries = 20;
    std::filesystem::create_directories(directory_.path());
    auto store = must(open_rocksdb_kv_store(directory_ / "store", {.memtable_bytes = 1u << 20}));
    store_ = store.get();
    db_ =
        must(LocalDatabase::open(std::make_shared<Engine>(posix_file_system(), directory_.path(), nullptr,
                                                          std::move(store), 2, std::chrono::milliseconds(20)),
                                 {}, recall));
    if (db_->collection_names().empty()) {
      Schema schema = schema_of({field("flat", kDim), field("graph", kDim, Metric::kL2, "vamana")});
      schema.payload = {{{{"tenant"}}, PayloadType::kKeyword, false, true}};
      must(db_->create_collection("books", schema));
    }
    books_ = must(db_->collection("books"));
  }
  /// All but every hundredth, in an order of its own each time.
  void replace(uint64_t round) {
    Random random(round);
    std::vector<Point> points;
    const uint64_t step = 2 * random.below(kPoints / 2) * 5 + 3;  // which no factor of kPoints divides
    for (uint64_t i = 0; i < kPoints; ++i) {
      const uint64_t id = i * step % kPoints;
      if (id % 100 != 0 || round == 0) points.push_back(make(id, random));
      if (points.size() < 250 && i + 1 < kPoints) continue;
      must(books_->upsert(points, Durability::kAsync));
      points.clear();
    }
  }
  static Point make(uint64_t id, Random& random) {
    Point point;
    point.id = id % 2 == 0 ? Id(id) : Id(fmt::format("name-{}", id));
    std::vector<float> vector(kDim);
    for (float& x : vector) x = static_cast<float>(random.normal());
    point.vectors = {{"flat", f32(vector)}};
    if (id % 10 == 1) point.vectors.push_back({"graph", f32(vector)});
    point.payload = fmt::format(R"({{"tenant":"t{}","n":{},"words":"w{} w{}"}})", id % 7, random.below(1'000),
                                random.below(1'000), random.below(50));
    if (id % 3 == 0) point.expires_at_ms = 4'000'000'000'000;
    return point;
  }
  /// Without the store's own.
  uint64_t heap() {
    must(books_->settle({}));
    must(books_->checkpoint());
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    for (const size_t field : {0, 1})
      while (books_->info().fields[field].stats.removed > kPoints && std::chrono::steady_clock::now() < end)
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const struct mallinfo2 now = mallinfo2();
    return now.uordblks + now.hblkhd - store_->usage().memory_bytes;
  }
  uint64_t checkpoint_bytes() {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path()))
      if (entry.is_regular_file() && entry.path().string().find("/checkpoints/") != std::string::npos)
        bytes += entry.file_size();
    return bytes;
  }

  TempDirectory directory_;
  KvStore* store_ = nullptr;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
};

TEST_F(ForEver, ItTakesWhatLivesTakes) {
#ifdef KITH_SANITIZED
  GTEST_SKIP() << "sanitizers hold on to memory";
#endif
  open();
  uint64_t round = 0;
  for (; round < kEarly; ++round) replace(round);
  const uint64_t early = heap(), early_bytes = checkpoint_bytes(),
                 early_counted = books_->info().memory_bytes;
  for (; round < kLate; ++round) replace(round);
  const uint64_t late = heap(), late_bytes = checkpoint_bytes(), late_counted = books_->info().memory_bytes;
  std::printf("%zu rows: heap %zu -> %zu KiB, counted %zu -> %zu, checkpoint %zu -> %zu\n", kPoints * kLate,
              early >> 10, late >> 10, early_counted >> 10, late_counted >> 10, early_bytes >> 10,
              late_bytes >> 10);
  // An index may hold as many rows that are gone as live. A map of ids that forgot none took 5 MiB.
  EXPECT_LT(late, early + (4u << 20));
  EXPECT_LT(late_counted, early_counted + (4u << 20));
  EXPECT_LT(late_bytes, early_bytes + (4u << 20));
  EXPECT_EQ(must(books_->count(nullptr, {})), kPoints);
}

}  // namespace
}  // namespace kith
