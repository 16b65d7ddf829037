// Goal: a checkpoint costs what changed, never mixes states, and its rows and extents come back. Method: flat
// indexes of several extents; which files are kept, answers and bytes after reopening; extents swapped,
// foreign and abandoned; writers, checkpoints and openings at once.
#include "index/checkpoint.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "base/io/fault_file_system.h"
#include "index/extent_file.h"
#include "index/registry.h"
#include "tests/support/checkpoint_directory.h"
#include "tests/support/result_matchers.h"
#include "tests/support/vectors.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 3;  // 12 bytes, 16 in memory
constexpr Node kExtentNodes = 65'536;

std::unique_ptr<Index> make_flat(uint32_t dim = kDim) {
  IndexSpec spec;
  spec.kind = "flat";
  spec.dim = dim;
  return create_index(spec).value();
}

Result<std::unique_ptr<Index>> open_flat(const CheckpointInput& in, ThreadPool* pool = nullptr) {
  return find_index_kind("flat").value()->open(in, {.pool = pool});
}

std::vector<Row> rows_from(Row first, size_t count) {
  std::vector<Row> rows(count);
  std::iota(rows.begin(), rows.end(), first);
  return rows;
}

VectorBlock part(const Vectors& vectors, size_t first, size_t count) {
  return {vectors[first].data, ScalarType::kF32, vectors.dim, count};
}

/// Every `step`-th of the first `count` rows is found by its vector, at distance 0.
void expect_rows(const Index& index, const Vectors& vectors, size_t count, size_t step) {
  for (size_t i = 0; i < count; i += step) {
    SearchRequest request;
    request.query = vectors[i];
    request.k = 1;
    ASSERT_VALUE(answer, index.search(request));
    ASSERT_EQ(answer.neighbors.size(), 1u);
    ASSERT_EQ(answer.neighbors[0].row, i);
    ASSERT_EQ(answer.neighbors[0].distance, 0.0f);
  }
}

TEST(Checkpoint, AnExtentOfMoreNodesIsAnotherFileWithTheSameBytesToo) {
  constexpr ExtentKind kKind{"lists", "KITHLIST", 1};
  const std::vector<std::byte> bytes(20, std::byte{7});
  const ByteSource source = [&](const ByteSink& sink) { return sink(bytes); };
  const uint32_t sum = checksum_of(source).value();
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  for (const Extent& extent : {Extent{0, 0, 6}, Extent{0, 0, 7}}) {
    ASSERT_OK(directory.write_with(
        [&](CheckpointOutput& out) { return write_extent(out, kKind, extent, sum, bytes.size(), source); }));
    EXPECT_OK(open_extent(directory, kKind, extent, sum));
  }
}

TEST(Checkpoint, CutsNodesIntoExtents) {
  struct Expected {
    size_t bytes;
    Node nodes;
  };
  for (const auto [bytes, nodes] : {Expected{1, 65'536}, Expected{512, 65'536}, Expected{513, 32'768},
                                    Expected{3072, 8192}, Expected{40'000, 1024}, Expected{262'140, 1024}}) {
    const ExtentCut cut(3 * nodes + 1, bytes);
    ASSERT_EQ(cut.size(), 4u) << bytes;
    for (uint32_t i = 0; i < 4; ++i) {
      EXPECT_EQ(cut[i].first, i * nodes);
      EXPECT_EQ(cut[i].nodes(), i < 3 ? nodes : 1);
      EXPECT_EQ(cut.full(cut[i]), i < 3);
    }
  }
  EXPECT_EQ(ExtentCut(0, 4).size(), 0u);
  EXPECT_EQ(ExtentCut(static_cast<Node>(kNodesMax), 4).size(), 32'768u);
}

TEST(Checkpoint, KeepsWhatDidNotChange) {
  constexpr size_t kRows = 150'000;
  const Vectors vectors = normal_vectors(kRows + 100, kDim, test_seed(311));
  const auto index = make_flat();
  ASSERT_OK(index->add(rows_from(0, kRows), part(vectors, 0, kRows)));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  EXPECT_EQ(directory.kept(), 0u);
  const CheckpointFiles files = directory.files();
  EXPECT_EQ(files.size(), 4u);
  ASSERT_OK(directory.write(*index));
  EXPECT_EQ(directory.kept(), 3u);
  EXPECT_EQ(directory.files(), files);
  ASSERT_OK(index->remove(7));
  ASSERT_OK(directory.write(*index));
  EXPECT_EQ(directory.kept(), 3u) << "vectors of removed rows stay";
  ASSERT_OK(index->add(rows_from(kRows, 100), part(vectors, kRows, 100)));
  ASSERT_OK(directory.write(*index));
  EXPECT_EQ(directory.kept(), 2u) << "the last extent grew";
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    ASSERT_VALUE(opened, open_flat(directory, with));
    EXPECT_EQ(opened->stats().rows, kRows + 99);
    EXPECT_EQ(opened->stats().rows_end, kRows + 100);
    ASSERT_OK(directory.write(*opened));
    EXPECT_EQ(directory.kept(), 3u);
    expect_rows(*opened, vectors, kRows + 100, 15'001);
  }
}

/// An index that was built anew has its own vectors under the numbers of the old one's.
TEST(Checkpoint, NothingOfAnotherIndexIsKept) {
  constexpr size_t kRows = 2 * kExtentNodes;
  const Vectors old_vectors = normal_vectors(kRows, kDim, test_seed(312));
  const Vectors new_vectors = normal_vectors(kRows, kDim, test_seed(313));
  const auto old_index = make_flat(), new_index = make_flat();
  ASSERT_OK(old_index->add(rows_from(0, kRows), old_vectors.block()));
  ASSERT_OK(new_index->add(rows_from(0, kRows), new_vectors.block()));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*old_index));
  const auto give_up = [&](CheckpointOutput& out) -> Result<void> {
    EXPECT_OK(new_index->checkpoint(out));
    return unavailable("as if the disk were full");
  };
  EXPECT_ERROR(directory.write_with(give_up), Code::kUnavailable, "full");
  {
    ASSERT_VALUE(opened, open_flat(directory));
    expect_rows(*opened, old_vectors, kRows, 30'001);
  }
  ASSERT_OK(directory.write(*new_index));
  EXPECT_EQ(directory.kept(), 0u);
  ASSERT_VALUE(opened, open_flat(directory));
  expect_rows(*opened, new_vectors, kRows, 30'001);
}

TEST(Checkpoint, ExtentsInTheWrongPlaceAreRefused) {
  constexpr size_t kRows = 2 * kExtentNodes;
  const auto index = make_flat();
  ASSERT_OK(index->add(rows_from(0, kRows), normal_vectors(kRows, kDim, test_seed(314)).block()));
  const CheckpointFiles files = checkpoint_files(*index);
  ASSERT_EQ(files.size(), 3u);
  const auto first = std::next(files.begin()), second = std::next(first);  // after main
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  CheckpointFiles wrong = files;
  std::swap(wrong[first->first], wrong[second->first]);
  ASSERT_OK(directory.put(wrong));
  EXPECT_ERROR(open_flat(directory), Code::kCorruption, first->first + ": holds 65536 nodes of extent 1");
  // Whole, of the right extent, but older: another file under the name that main asks for.
  const auto other = make_flat();
  ASSERT_OK(other->add(rows_from(0, kRows), normal_vectors(kRows, kDim, test_seed(315)).block()));
  wrong = files;
  wrong[first->first] = std::next(checkpoint_files(*other).begin())->second;
  ASSERT_OK(directory.put(wrong));
  EXPECT_ERROR(open_flat(directory), Code::kCorruption, first->first + ": holds another extent");
  // Of fewer nodes.
  const auto shorter = make_flat();
  ASSERT_OK(shorter->add(rows_from(0, 100), normal_vectors(100, kDim, test_seed(314)).block()));
  wrong[first->first] = std::next(checkpoint_files(*shorter).begin())->second;
  ASSERT_OK(directory.put(wrong));
  EXPECT_ERROR(open_flat(directory), Code::kCorruption, first->first + ": holds 100 nodes");
}

TEST(Checkpoint, RowsWithHolesComeBack) {
  const uint64_t seed = test_seed(316);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (const uint64_t gap :
       {uint64_t{0}, uint64_t{1}, uint64_t{6}, uint64_t{400'000}, uint64_t{kNoRow} - 10'000}) {
    std::vector<Row> rows;
    uint64_t next = gap == 0 ? 0 : random.below(gap + 1);
    for (; rows.size() < 9000 && next < kNoRow; next += 1 + (gap == 0 ? 0 : random.below(gap + 1)))
      rows.push_back(static_cast<Row>(next));
    if (rows.back() != kNoRow - 1 && gap > 6) rows.push_back(kNoRow - 1);
    const Vectors vectors = normal_vectors(rows.size(), kDim, seed);
    const auto index = make_flat();
    ASSERT_OK(index->add(rows, vectors.block()));
    const CheckpointFiles files = checkpoint_files(*index);
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.put(files));
    ASSERT_VALUE(opened, open_flat(directory));
    EXPECT_EQ(opened->stats().rows_end, uint64_t{rows.back()} + 1);
    EXPECT_EQ(checkpoint_files(*opened), files);
    for (size_t i = 0; i < rows.size(); i += 1 + rows.size() / 20) {
      SearchRequest request;
      request.query = vectors[i];
      request.k = 1;
      ASSERT_VALUE(answer, opened->search(request));
      EXPECT_EQ(answer.neighbors.at(0).row, rows[i]) << "gap " << gap;
    }
  }
}

/// Every call of the file system fails once: the checkpoint before stays whole, and opening says so.
TEST(Checkpoint, EveryFailedCallIsReported) {
  constexpr size_t kRows = kExtentNodes + 100;
  constexpr uint64_t kCallsMax = 200;
  const Vectors vectors = normal_vectors(kRows, kDim, test_seed(318));
  const auto index = make_flat();
  ASSERT_OK(index->add(rows_from(0, kRows - 1), part(vectors, 0, kRows - 1)));
  const CheckpointFiles before = checkpoint_files(*index);
  ASSERT_OK(index->add(rows_from(kRows - 1, 1), part(vectors, kRows - 1, 1)));
  uint64_t nth = 1, failed = 0;
  for (bool fired = true; fired; ++nth) {
    ASSERT_LT(nth, kCallsMax);
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, 1);
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.put(before));
    fs.arm({.nth = nth});
    const auto written = directory.write(*index);
    fired = fs.fired() > 0;
    fs.disarm();
    failed += !written.ok();
    ASSERT_VALUE(opened, open_flat(directory));
    ASSERT_EQ(opened->stats().rows, written.ok() ? kRows : kRows - 1) << nth;
    if (!written.ok()) {
      EXPECT_ERROR(written, Code::kUnavailable, "checkpoints/");
    }
  }
  EXPECT_GE(failed, 8u);
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    nth = 1;
    for (bool fired = true; fired; ++nth) {
      ASSERT_LT(nth, kCallsMax);
      MemoryFileSystem memory;
      FaultFileSystem fs(memory, 1);
      CheckpointDirectory directory(fs);
      ASSERT_OK(directory.put(before));
      fs.arm({.nth = nth});
      const auto opened = open_flat(directory, with);
      fired = fs.fired() > 0;
      ASSERT_EQ(opened.ok(), !fired) << nth;
      if (!opened) {
        EXPECT_ERROR(opened, Code::kUnavailable, "checkpoints/");
      }
    }
    EXPECT_GE(nth, 10u);
  }
}

TEST(CheckpointConcurrency, TakenAndOpenedWhileAWriterAdds) {
  constexpr size_t kRows = 140'000;
  const Vectors vectors = normal_vectors(kRows, kDim, test_seed(317));
  const auto index = make_flat();
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ThreadPool pool(2);
  std::atomic<bool> done{false};
  size_t kept = 0;
  std::thread saver([&] {
    while (!done) {
      const uint64_t before = index->stats().rows;
      ASSERT_OK(directory.write(*index));
      kept += directory.kept();
      ASSERT_VALUE(opened, open_flat(directory, &pool));
      ASSERT_GE(opened->stats().rows, before);
      expect_rows(*opened, vectors, opened->stats().rows, 30'011);
    }
  });
  for (size_t i = 0; i < kRows; i += 500) {
    EXPECT_OK(index->add(rows_from(static_cast<Row>(i), 500), part(vectors, i, 500)));
    if (i % 20'000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  done = true;
  saver.join();
  ASSERT_OK(directory.write(*index));
  EXPECT_GT(kept + directory.kept(), 0u);
  ASSERT_VALUE(opened, open_flat(directory, &pool));
  EXPECT_EQ(opened->stats().rows, kRows);
}

}  // namespace
}  // namespace kith::test
