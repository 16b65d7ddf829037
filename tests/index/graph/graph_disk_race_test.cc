// Goal: with memory=codes errors of the disk become errors of the call, never wrong answers, and no search
// sees vectors leave memory. Method: the fault file system; searches under an add that sends vectors away;
// exact distances computed from the rows given. Run under TSan.
#include <atomic>
#include <thread>

#include "base/io/fault_file_system.h"
#include "tests/index/graph/graph_disk_support.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 32;

/// Rows that come before the file, with it, and after.
TEST(GraphDiskFaults, AWriteThatFailsLeavesTheRowsBeforeRight) {
  for (const size_t broken : {size_t{4000}, size_t{4800}}) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, 1);
    const Vectors vectors = clustered_vectors(9000, 64, 20, test_seed(5));
    ASSERT_VALUE(index, create_index(disk_spec(fs, "vamana", Metric::kL2, 64)));
    ASSERT_OK(add_part(*index, vectors, 0, 2000));
    ASSERT_OK(add_part(*index, vectors, 2000, broken - 2000));
    fs.arm({.call = FileCall::kAppend, .nth = 1, .disk_full = true});
    EXPECT_ERROR(add_part(*index, vectors, broken, 1000), Code::kResourceExhausted, "scratch");
    EXPECT_EQ(fs.fired(), 1u);
    EXPECT_EQ(index->stats().rows, broken);
    fs.disarm();
    // Other rows now: none of those that failed may shine through.
    const Result<void> again = add_part(*index, vectors, broken + 1000, 1000);
    EXPECT_EQ(again.ok(), broken < 4096) << "a file is begun anew, never continued";
    size_t found = 0;
    for (size_t i = 0; i < broken; i += 100) {
      const auto answer = index->search(request_of(vectors, i, 3));
      ASSERT_OK(answer);
      found += answer->neighbors[0].row == i;
      for (const Neighbor& neighbor : answer->neighbors)
        EXPECT_NEAR(neighbor.distance, l2(vectors.row(i), vectors.row(neighbor.row), 64), 1e-3);
    }
    EXPECT_GE(found, broken / 100 - 1);
  }
}

TEST(GraphDiskFaults, AFileThatCannotBeMadeIsTriedAgain) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  const Vectors vectors = clustered_vectors(6000, kDim, 20, test_seed(6));
  ASSERT_VALUE(index, create_index(disk_spec(fs, "vamana", Metric::kL2, kDim)));
  ASSERT_OK(add_part(*index, vectors, 0, 4000));
  fs.arm({.call = FileCall::kCreate});
  EXPECT_ERROR(add_part(*index, vectors, 4000, 1000), Code::kUnavailable, "scratch");
  EXPECT_EQ(index->memory().disk_bytes, 0u);
  ASSERT_OK(add_part(*index, vectors, 4000, 2000));
  EXPECT_EQ(index->memory().vector_bytes, 0u);
}

TEST(GraphDiskFaults, AReadThatFailsIsAnErrorOfTheSearch) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  const Vectors vectors = clustered_vectors(5000, kDim, 20, test_seed(7));
  const auto index = filled(disk_spec(fs, "vamana", Metric::kL2, kDim), vectors);
  const auto whole = index->search(request_of(vectors, 9));
  ASSERT_OK(whole);
  const IndexKind* kind = find_index_kind("vamana").value();
  RowSet few;
  for (Row r = 0; r < 50; ++r) few.add(r);
  SearchRequest filtered = request_of(vectors, 9);
  filtered.allowed = &few;
  RangeRequest range;
  range.query = vectors[9];
  range.radius = whole->neighbors.back().distance;
  for (uint64_t nth = 1; nth <= 20; ++nth) {
    fs.arm({.call = FileCall::kRead, .nth = nth});
    const auto answer = index->search(request_of(vectors, 9));
    ASSERT_EQ(answer.ok(), fs.fired() == 0);
    if (answer.ok()) {
      expect_same(*answer, *whole);
    } else {
      EXPECT_ERROR(answer, Code::kUnavailable, "scratch");
    }
  }
  fs.arm({.call = FileCall::kRead, .nth = 1, .forever = true});
  EXPECT_ERROR(index->search(filtered), Code::kUnavailable, "scratch");
  EXPECT_ERROR(kind->range_search(*index, range), Code::kUnavailable, "scratch");
  CheckpointDirectory directory(fs);
  EXPECT_ERROR(directory.write(*index), Code::kUnavailable, "scratch");
  const Vectors more = clustered_vectors(500, kDim, 20, test_seed(17));
  std::vector<Row> rows(500);
  std::iota(rows.begin(), rows.end(), 5000u);
  EXPECT_OK(index->add(rows, more.block())) << "linking needs codes alone";
  fs.disarm();
  ASSERT_OK(index->search(filtered));
  EXPECT_EQ(index->search(request_of(more, 3, 1))->neighbors[0].row, 5003u);
}

/// Searches run through the moment in which codes come in and vectors go: whatever they return has the
/// distance that the rows given have.
TEST(GraphDiskConcurrency, NoSearchSeesVectorsGo) {
  const TempDir temp;
  ThreadPool pool(2);
  const Vectors vectors = clustered_vectors(9000, 64, 20, test_seed(9));
  for (int round = 0; round < 2; ++round) {
    IndexSpec spec =
        disk_spec(posix_file_system(), "vamana", Metric::kL2, 64, {{"ef_construction", "40"}}, &pool);
    spec.directory = temp.path();
    ASSERT_VALUE(index, create_index(spec));
    std::atomic<size_t> added = 0;
    std::atomic<bool> done = false;
    std::atomic<uint64_t> asked = 0;
    std::vector<std::thread> readers;
    for (size_t t = 0; t < 2; ++t) {
      readers.emplace_back([&, t] {
        Random random(t + 1);
        while (!done) {
          const size_t rows = added;
          if (rows == 0) continue;
          const size_t i = random.below(rows);
          const auto answer = index->search(request_of(vectors, i, 5));
          ASSERT_OK(answer);
          ASSERT_EQ(answer->neighbors.size(), 5u);
          for (const Neighbor& neighbor : answer->neighbors)
            ASSERT_NEAR(neighbor.distance, l2(vectors.row(i), vectors.row(neighbor.row), 64), 1e-3);
          ++asked;
        }
      });
    }
    std::thread checkpoints([&] {
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      while (!done) {
        ASSERT_OK(directory.write(*index));
        ASSERT_OK(find_index_kind("vamana").value()->open(directory, {.fs = &fs, .directory = "."}));
      }
    });
    for (size_t first = 0; first < vectors.rows; first += 250) {
      EXPECT_OK(add_part(*index, vectors, first, 250));
      added = first + 250;
      EXPECT_OK(index->remove(static_cast<Row>(first)));
      const size_t least = asked;  // some searches in between
      while (asked < least + 2) std::this_thread::yield();
    }
    EXPECT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
    done = true;
    for (std::thread& reader : readers) reader.join();
    checkpoints.join();
    EXPECT_EQ(index->memory().vector_bytes, 0u);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(temp.path()), {}), 0)
        << "the file has no name";
  }
}

/// One row more and vectors leave memory, under searches that take longer than that. To a vector that has
/// gone the query of zeros would have the distance 0.
TEST(GraphDiskConcurrency, ASearchThatWasOvertakenBeginsAgain) {
  const Vectors vectors = clustered_vectors(4096, 64, 20, test_seed(12));
  const Vectors zeros{std::vector<float>(64), 64, 1};
  for (int round = 0; round < 4; ++round) {
    MemoryFileSystem fs;
    ASSERT_VALUE(index, create_index(disk_spec(fs, "vamana", Metric::kL2, 64, {{"ef_construction", "20"}})));
    ASSERT_OK(add_part(*index, vectors, 0, 4095));
    std::atomic<bool> done = false;
    std::atomic<int> asked = 0;
    std::vector<std::thread> readers;
    for (int t = 0; t < 2; ++t) {
      readers.emplace_back([&] {
        SearchRequest request = request_of(zeros, 0);
        request.effort = 3000;
        while (!done) {
          const auto answer = index->search(request);
          ASSERT_OK(answer);
          for (const Neighbor& neighbor : answer->neighbors)
            ASSERT_NEAR(neighbor.distance, l2(zeros.row(0), vectors.row(neighbor.row), 64), 1e-3);
          ++asked;
        }
      });
    }
    while (asked < 2) std::this_thread::yield();
    EXPECT_OK(add_part(*index, vectors, 4095, 1));
    EXPECT_EQ(index->memory().vector_bytes, 0u);
    for (const int before = asked; asked < before + 4 && !testing::Test::HasFailure();)
      std::this_thread::yield();
    done = true;
    for (std::thread& reader : readers) reader.join();
  }
}

}  // namespace
}  // namespace kith::test
