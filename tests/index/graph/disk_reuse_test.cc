// Goal: with memory=codes nodes that have left are used again, too: file and memory stay as long as the rows
// are many, and none is mistaken for the row it was, in memory, in the file, in a checkpoint. Method: rows
// come and go for several times as many as there are; distances are computed from the rows given; linkers
// that are held off; a disk that fails. Run under TSan.
#include <atomic>
#include <thread>

#include "base/io/fault_file_system.h"
#include "tests/index/graph/delete_support.h"
#include "tests/index/graph/graph_disk_support.h"
#include "tests/support/memory.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 100;  // 400 bytes: rows lie across pages

Result<void> remove_part(Index& index, size_t first, size_t count) {
  for (size_t row = first; row < first + count; ++row) TRY(index.remove(static_cast<Row>(row)));
  return {};
}

/// Each row of [first, end) is found by its vector, none before `live` is, and distances are those of the
/// rows.
void expect_rows(const Index& index, const Vectors& vectors, size_t live, size_t first, size_t end) {
  size_t missed = 0;
  for (size_t row = first; row < end; row += 3) {
    ASSERT_VALUE(answer, index.search(request_of(vectors, row, 3)));
    missed += answer.neighbors.empty() || answer.neighbors[0].row != row;
    for (const Neighbor& neighbor : answer.neighbors) {
      ASSERT_GE(neighbor.row, live);
      ASSERT_NEAR(neighbor.distance, l2(vectors.row(row), vectors.row(neighbor.row), kDim), 1e-3);
    }
  }
  EXPECT_LE(missed, (end - first) / 300) << "walks on codes may miss one";
}

TEST(DiskReuse, FileAndMemoryStayAsTheyAre) {
  constexpr size_t kLive = 5000, kStep = 500, kCycles = kSanitized ? 8 : 30;
  for (const char* kind : {"vamana", "hnsw"}) {
    SCOPED_TRACE(kind);
    MemoryFileSystem fs;
    const Vectors vectors = clustered_vectors(kLive + kCycles * kStep, kDim, 8, test_seed(1));
    const IndexSpec spec = disk_spec(fs, kind, Metric::kL2, kDim, {{"ef_construction", "60"}});
    Vectors first = vectors;
    first.rows = kLive;
    std::unique_ptr<Index> index = filled(spec, first);
    const IndexMemory before = index->memory();
    for (size_t cycle = 0; cycle < kCycles; ++cycle) {
      ASSERT_OK(remove_part(*index, cycle * kStep, kStep));
      if (cycle % 3 == 0) settle(*index, spec);
      ASSERT_OK(add_part(*index, vectors, kLive + cycle * kStep, kStep));
      EXPECT_EQ(index->memory().vector_bytes, 0u);
      if (cycle % 7 != 3) continue;
      CheckpointDirectory directory(fs);
      ASSERT_OK(directory.write(*index));
      ASSERT_VALUE(opened, find_index_kind(kind).value()->open(directory, {.fs = &fs, .directory = "."}));
      index = std::move(opened);
    }
    settle(*index, spec);
    EXPECT_LE(static_cast<double>(index->memory().disk_bytes), 1.25 * static_cast<double>(before.disk_bytes));
    EXPECT_LE(static_cast<double>(index->memory().total()), 1.35 * static_cast<double>(before.total()));
    expect_rows(*index, vectors, kCycles * kStep, kCycles * kStep, vectors.rows);
  }
}

/// Of a checkpoint that was taken while rows on used nodes waited for linkers: those alone are in memory.
TEST(DiskReuse, AnOpenKeepsInMemoryWhatWaits) {
  constexpr size_t kLive = 20'000, kGone = 3000, kNew = 1000;
  const TempDir temp;
  const Vectors vectors = clustered_vectors(kLive + kNew, kDim, 8, test_seed(2));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  std::atomic<bool> held = false;
  std::atomic<size_t> holding = 0;
  ThreadPool pool(1);
  IndexSpec spec =
      disk_spec(posix_file_system(), "vamana", Metric::kL2, kDim, {{"ef_construction", "60"}}, &pool);
  spec.directory = temp.path();
  const auto hold_linkers = [&] {
    held = true;
    pool.submit([&] {
      ++holding;
      while (held) std::this_thread::yield();
    });
    while (holding == 0) std::this_thread::yield();
    holding = 0;
  };
  {
    Vectors first = vectors;
    first.rows = kLive;
    const std::unique_ptr<Index> index = filled(spec, first, 4000);
    settle(*index, spec);
    ASSERT_OK(remove_part(*index, 0, kGone));
    settle(*index, spec);
    ASSERT_OK(index->add({}, part(vectors, 0, 0)));  // sees which have become free
    const uint64_t filed = index->memory().disk_bytes;
    hold_linkers();
    ASSERT_OK(add_part(*index, vectors, kLive, kNew));
    EXPECT_GT(index->stats().pending, 0u);
    EXPECT_LE(index->stats().pending, 128u) << "each costs searches a read";
    EXPECT_GT(index->memory().vector_bytes, 0u);
    EXPECT_LE(index->memory().vector_bytes, 128u * 2 * 4096);
    EXPECT_EQ(index->memory().disk_bytes, filed);
    ASSERT_OK(directory.write(*index));
    expect_rows(*index, vectors, kGone, kLive, kLive + kNew);
    held = false;
    settle(*index, spec);
    EXPECT_EQ(index->memory().vector_bytes, 0u);
    expect_rows(*index, vectors, kGone, kLive, kLive + kNew);
  }
  hold_linkers();
  ASSERT_VALUE(
      opened, find_index_kind("vamana").value()->open(directory, {&pool, &posix_file_system(), temp.path()}));
  EXPECT_GT(opened->stats().pending, 0u);
  EXPECT_LE(opened->memory().vector_bytes, 128u * 2 * 4096);
  expect_rows(*opened, vectors, kGone, kLive, kLive + kNew);
  held = false;
  settle(*opened, spec);
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
  expect_rows(*opened, vectors, kGone, kLive, kLive + kNew);
}

/// The rows before stay right, and no row is half there.
TEST(DiskReuse, AWriteThatFailsLeavesTheRowsBeforeRight) {
  MemoryFileSystem memory;
  FaultFileSystem fs(memory, 1);
  const Vectors vectors = clustered_vectors(6000, kDim, 8, test_seed(3));
  const IndexSpec spec = disk_spec(fs, "vamana", Metric::kL2, kDim, {{"ef_construction", "40"}});
  Vectors first = vectors;
  first.rows = 5000;
  const std::unique_ptr<Index> index = filled(spec, first);
  ASSERT_OK(remove_part(*index, 0, 1000));
  settle(*index, spec);
  ASSERT_OK(add_part(*index, vectors, 5000, 1));
  fs.arm({.call = FileCall::kAppend, .nth = 20, .disk_full = true});
  EXPECT_ERROR(add_part(*index, vectors, 5001, 500), Code::kResourceExhausted, "scratch");
  EXPECT_EQ(fs.fired(), 1u);
  fs.disarm();
  EXPECT_ERROR(add_part(*index, vectors, 5501, 10), Code::kResourceExhausted, "scratch") << "it is final";
  EXPECT_EQ(index->stats().rows, 4001u);
  EXPECT_EQ(index->memory().vector_bytes, 0u);
  settle(*index, spec);
  expect_rows(*index, vectors, 1000, 1000, 5001);
}

TEST(DiskReuseConcurrency, SearchesAndCheckpointsBesideRowsThatComeAndGo) {
  constexpr size_t kLive = 4500, kStep = 150, kCycles = 40;
  const TempDir temp;
  ThreadPool pool(2);
  const Vectors vectors = clustered_vectors(kLive + kCycles * kStep, kDim, 8, test_seed(4));
  IndexSpec spec =
      disk_spec(posix_file_system(), "vamana", Metric::kL2, kDim, {{"ef_construction", "30"}}, &pool);
  spec.directory = temp.path();
  Vectors first = vectors;
  first.rows = kLive;
  const std::unique_ptr<Index> index = filled(spec, first);
  std::atomic<size_t> begin = 0, end = kLive;
  std::atomic<bool> done = false;
  std::atomic<uint64_t> asked = 0;
  std::vector<std::thread> readers;
  for (size_t t = 0; t < 2; ++t) {
    readers.emplace_back([&, t] {
      Random random(t + 1);
      while (!done) {
        const size_t gone = begin, there = end, row = gone + random.below(there - gone);
        const auto answer = index->search(request_of(vectors, row, 5));
        ASSERT_OK(answer);
        for (const Neighbor& neighbor : answer->neighbors) {
          ASSERT_GE(neighbor.row, gone);
          ASSERT_NEAR(neighbor.distance, l2(vectors.row(row), vectors.row(neighbor.row), kDim), 1e-3);
        }
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
  for (size_t cycle = 0; cycle < kCycles; ++cycle) {
    EXPECT_OK(remove_part(*index, cycle * kStep, kStep));
    begin = (cycle + 1) * kStep;
    EXPECT_OK(add_part(*index, vectors, kLive + cycle * kStep, kStep));
    end = kLive + (cycle + 1) * kStep;
    for (const uint64_t least = asked; asked < least + 4 && !testing::Test::HasFailure();)
      std::this_thread::yield();
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  checkpoints.join();
  settle(*index, spec);
  EXPECT_EQ(index->memory().vector_bytes, 0u);
  EXPECT_LT(index->memory().disk_bytes, vectors.rows * kDim * sizeof(float)) << "none was used again";
  expect_rows(*index, vectors, kCycles * kStep, kCycles * kStep, vectors.rows);
}

}  // namespace
}  // namespace kith::test
