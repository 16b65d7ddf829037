// Goal: with memory=codes full vectors are on disk and nothing else changes: the same answers, and memory
// really falls. Method: twins of the same rows with and without the option. Bounds on reads keep a rerank of
// everything from passing.
#include <malloc.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "tests/index/graph/graph_disk_support.h"
#include "tests/support/memory.h"
#include "tests/support/scratch_spy.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 32;

struct Twins {
  const char* kind;
  Metric metric;
};

class GraphDisk : public testing::TestWithParam<Twins> {
 protected:
  MemoryFileSystem fs_;
  uint64_t seed_ = test_seed(4);
  testing::ScopedTrace trace_{__FILE__, __LINE__, "KITH_SEED=" + std::to_string(seed_)};
};

TEST_P(GraphDisk, AnswersAsInMemory) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(6300, kDim, 30, seed_), 300);
  const auto disk = filled(disk_spec(fs_, kind, metric, kDim), vectors);
  const auto memory = filled(spec_of(kind, metric, kDim, {{"codes", "rabitq4"}}), vectors);
  EXPECT_EQ(disk->memory().vector_bytes, 0u);
  EXPECT_EQ(disk->memory().structure_bytes,
            memory->memory().structure_bytes + vectors.rows * sizeof(uint32_t))
      << "the same, and checksums";
  EXPECT_EQ(disk->memory().disk_bytes, vectors.rows * kDim * sizeof(float));
  uint64_t ios = 0, disk_distances = 0, memory_distances = 0, disk_codes = 0, memory_codes = 0;
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto from_disk = disk->search(request_of(queries, i));
    const auto from_memory = memory->search(request_of(queries, i));
    ASSERT_OK(from_disk);
    ASSERT_OK(from_memory);
    const SearchStats& stats = from_disk->stats;
    disk_distances += stats.full_distances;
    memory_distances += from_memory->stats.full_distances;
    disk_codes += stats.code_distances;
    memory_codes += from_memory->stats.code_distances;
    EXPECT_EQ(stats.bytes_read, stats.full_distances * kDim * sizeof(float));
    EXPECT_LE(stats.ios, stats.full_distances);
    EXPECT_EQ(from_memory->stats.ios, 0u);
    ios += stats.ios;
  }
  const auto flat = filled(spec_of("flat", metric, kDim), vectors);
  EXPECT_GE(measure(*disk, *flat, queries, 64).recall, measure(*memory, *flat, queries, 64).recall - 0.002);
  EXPECT_NEAR(static_cast<double>(disk_codes), static_cast<double>(memory_codes),
              0.02 * static_cast<double>(memory_codes))
      << "the same graph but where a code was too coarse in memory";
  EXPECT_LE(disk_distances, memory_distances * 5 / 4) << "a wider bound, and fewer turns of the disk";
  EXPECT_GE(ios, queries.rows);
  EXPECT_LE(ios, queries.rows * 45) << "of a beam of 64, for 10 rows";
}

TEST_P(GraphDisk, FilteredScansAndRangesAreExact) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(6020, kDim, 30, seed_), 20);
  const auto disk = filled(disk_spec(fs_, kind, metric, kDim), vectors);
  const auto memory = filled(spec_of(kind, metric, kDim, {{"codes", "rabitq4"}}), vectors);
  const IndexKind* row = find_index_kind(kind).value();
  RowSet few;
  for (Row r = 3; r < vectors.rows; r += 97) few.add(r);
  size_t within_memory = 0, within_disk = 0;
  for (size_t i = 0; i < queries.rows; ++i) {
    SearchRequest request = request_of(queries, i);
    request.allowed = &few;
    const auto from_disk = disk->search(request);
    const auto from_memory = memory->search(request);
    ASSERT_OK(from_disk);
    ASSERT_OK(from_memory);
    expect_same(*from_disk, *from_memory);
    EXPECT_LE(from_disk->stats.ios, few.size());
    RangeRequest range;
    range.query = queries[i];
    const float rim = memory->search(request_of(queries, i, 100))->neighbors.back().distance;
    range.radius = rim + 1e-5f * std::abs(rim) + 1e-6f;  // the row at the rim may be rounded differently
    const auto near_memory = row->range_search(*memory, range);
    const auto near_disk = row->range_search(*disk, range);
    ASSERT_OK(near_memory);
    ASSERT_OK(near_disk);
    within_memory += near_memory->neighbors.size();
    within_disk += near_disk->neighbors.size();
    for (const Neighbor& neighbor : near_disk->neighbors) EXPECT_LE(neighbor.distance, range.radius);
    EXPECT_LE(near_disk->stats.ios, 2 * near_disk->neighbors.size()) << "no row that its code rules out";
  }
  EXPECT_GE(within_memory, queries.rows * 99);
  // Of the rows near the rim the bound of 2.5 standard errors loses one in 160.
  EXPECT_GE(static_cast<double>(within_disk), 0.997 * static_cast<double>(within_memory));
}

TEST_P(GraphDisk, ReopensFromACheckpoint) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(6020, kDim, 30, seed_), 20);
  Vectors first = vectors;
  first.rows = 5000;
  const auto index = filled(disk_spec(fs_, kind, metric, kDim), first);
  ASSERT_OK(index->remove(17));
  CheckpointDirectory directory(fs_);
  ASSERT_OK(directory.write(*index));
  const IndexKind* row = find_index_kind(kind).value();
  ASSERT_VALUE(opened, row->open(directory, {.fs = &fs_, .directory = "."}));
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto before = index->search(request_of(queries, i));
    const auto after = opened->search(request_of(queries, i));
    ASSERT_OK(after);
    EXPECT_GT(after->stats.ios, 0u);
    EXPECT_EQ(after->neighbors[0].row, before->neighbors[0].row);  // landmarks may differ: not all the walk
  }
  ASSERT_OK(directory.write(*opened));
  ASSERT_OK(add_part(*opened, vectors, first.rows, vectors.rows - first.rows));
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
  size_t found = 0;
  for (Row r = 4000; r < vectors.rows; r += 20) {
    const Neighbor nearest = opened->search(request_of(vectors, r, 1))->neighbors[0];
    double self = 0;  // an inner product may be larger with others
    for (uint32_t d = 0; d < kDim; ++d) self -= double{vectors.row(r)[d]} * vectors.row(r)[d];
    found += metric == Metric::kInnerProduct ? nearest.distance <= self + 1e-3 : nearest.row == r;
  }
  EXPECT_GE(found, 98u);
}

TEST_P(GraphDisk, RemovedRowsAreNotFound) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(5050, kDim, 30, seed_), 50);
  const auto disk = filled(disk_spec(fs_, kind, metric, kDim), vectors);
  const auto flat = filled(spec_of("flat", metric, kDim), vectors);
  for (const Row every : {40u, 3u}) {  // few: the walk ignores them; many: it filters
    for (Row row = 0; row < vectors.rows; row += every) {
      ASSERT_OK(disk->remove(row));
      ASSERT_OK(flat->remove(row));
    }
    for (size_t i = 0; i < queries.rows; ++i) {
      const auto answer = disk->search(request_of(queries, i));
      ASSERT_OK(answer);
      EXPECT_EQ(answer->neighbors.size(), 10u);
      for (const Neighbor& neighbor : answer->neighbors) EXPECT_NE(neighbor.row % every, 0u);
    }
    EXPECT_GE(measure(*disk, *flat, queries, 64).recall, 0.95) << every;
  }
}

TEST_P(GraphDisk, FewRowsStayInMemory) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(3020, kDim, 30, seed_), 20);
  const auto disk = filled(disk_spec(fs_, kind, metric, kDim), vectors);
  const auto memory = filled(spec_of(kind, metric, kDim, {{"codes", "rabitq4"}}), vectors);
  EXPECT_EQ(disk->memory().vector_bytes, vectors.rows * kDim * sizeof(float));
  EXPECT_EQ(disk->memory().disk_bytes, 0u);
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto from_disk = disk->search(request_of(queries, i));
    ASSERT_OK(from_disk);
    EXPECT_EQ(from_disk->stats.ios, 0u);
    expect_same(*from_disk, *memory->search(request_of(queries, i)));
  }
}

/// What waits to be linked is not on disk alone yet: it goes there as soon as the opened index has linked it.
TEST_P(GraphDisk, ReopensFromACheckpointWithRowsThatWait) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(5020, kDim, 30, seed_), 20);
  std::atomic<bool> open_now = false;
  ThreadPool pool(1);
  pool.submit([&] {
    while (!open_now) std::this_thread::yield();
  });
  CheckpointDirectory directory(fs_);
  {
    const auto index = filled(disk_spec(fs_, kind, metric, kDim, {}, &pool), vectors);
    EXPECT_EQ(index->stats().pending, vectors.rows);
    EXPECT_EQ(index->memory().vector_bytes, vectors.rows * kDim * sizeof(float));
    ASSERT_OK(directory.write(*index));
    open_now = true;
  }
  ASSERT_VALUE(opened, find_index_kind(kind).value()->open(directory, {.fs = &fs_, .directory = "."}));
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
  const auto flat = filled(spec_of("flat", metric, kDim), vectors);
  EXPECT_GE(measure(*opened, *flat, queries, 64).recall, 0.95);
}

INSTANTIATE_TEST_SUITE_P(Kinds, GraphDisk,
                         testing::Values(Twins{"vamana", Metric::kL2}, Twins{"vamana", Metric::kCosine},
                                         Twins{"hnsw", Metric::kL2}, Twins{"nsw", Metric::kInnerProduct}),
                         [](const auto& twins) {
                           return std::string(twins.param.kind) + "_" +
                                  std::string(metric_name(twins.param.metric));
                         });

TEST(GraphDiskOptions, WhatCannotBeIsRefused) {
  MemoryFileSystem fs;
  EXPECT_ERROR(create_index(disk_spec(fs, "vamana", Metric::kL2, 8, {{"codes", "none"}})),
               Code::kInvalidArgument, "codes");
  EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, 8, {{"memory", "flash"}})), Code::kInvalidArgument,
               "flash");
  EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, 8, {{"memory", "codes"}})), Code::kInvalidArgument,
               "no directory");
  for (const char* kind : {"nsg", "nssg", "hcnng"})
    EXPECT_ERROR(create_index(disk_spec(fs, kind, Metric::kL2, 8)), Code::kInvalidArgument, "builder");
  IndexSpec bits = disk_spec(fs, "hnsw", Metric::kHamming, 64);
  bits.type = ScalarType::kBit;
  EXPECT_ERROR(create_index(bits), Code::kInvalidArgument, "hamming");
  EXPECT_OK(create_index(spec_of("vamana", Metric::kL2, 8, {{"memory", "vectors"}})));
}

TEST(GraphDiskOptions, EqualVectorsAndU8RowsAreFoundOnDisk) {
  MemoryFileSystem fs;
  IndexSpec spec = disk_spec(fs, "vamana", Metric::kL2, kDim);
  spec.type = ScalarType::kU8;
  ASSERT_VALUE(index, create_index(spec));
  Random random(test_seed(8));
  constexpr size_t kRows = 6000;
  std::vector<std::byte> bytes(kRows * kDim);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random.below(200));
  for (size_t i = 1; i < kRows;
       i += 2)  // each twin beside its like; those of the first half later in the file
    std::copy_n(bytes.begin() + static_cast<ptrdiff_t>((i / 2) * kDim), kDim,
                bytes.begin() + static_cast<ptrdiff_t>(i * kDim));
  for (size_t first = 0; first < kRows; first += 500) {
    std::vector<Row> rows(500);
    std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
    ASSERT_OK(index->add(rows, {bytes.data() + first * kDim, ScalarType::kU8, kDim, 500}));
  }
  size_t twins = 0;
  for (size_t i = 1; i < kRows; i += 100) {
    SearchRequest request;
    request.query = {bytes.data() + i * kDim, ScalarType::kU8, kDim};
    request.k = 2;
    const auto answer = index->search(request);
    ASSERT_OK(answer);
    for (const Neighbor& neighbor : answer->neighbors) twins += neighbor.distance == 0;
  }
  EXPECT_EQ(twins, 2u * (kRows / 100)) << "equal vectors hang together, so both or none are found";
}

TEST(GraphDiskOptions, DeterministicGraphsAreTheSameWithAnyThreads) {
  MemoryFileSystem fs;
  ThreadPool pool(2);
  const IndexOptions options = {{"deterministic", "true"}, {"codes", "rabitq4"}, {"ef_construction", "40"}};
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(5050, kDim, 30, test_seed(11)), 50);
  const auto disk = filled(disk_spec(fs, "vamana", Metric::kCosine, kDim, options, &pool), vectors);
  const auto alone = filled(disk_spec(fs, "vamana", Metric::kCosine, kDim, options), vectors);
  ASSERT_OK(find_index_kind("vamana").value()->settle(*disk, Stop{}));
  EXPECT_EQ(disk->memory().vector_bytes, 0u);
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto from_disk = disk->search(request_of(queries, i));
    const auto from_alone = alone->search(request_of(queries, i));
    ASSERT_OK(from_disk);
    EXPECT_EQ(from_disk->stats.code_distances, from_alone->stats.code_distances) << "another walk";
    EXPECT_EQ(from_disk->neighbors[0].row, from_alone->neighbors[0].row);
  }
}

/// Two turns of the disk answer most queries, whatever k: first k rows, then what the bound leaves open.
TEST(GraphDiskReads, AreAskedForAllAtOnce) {
  ScratchSpy fs;
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(6100, 64, 30, test_seed(14)), 100);
  const auto index = filled(disk_spec(fs, "vamana", Metric::kL2, 64), vectors);
  for (const uint32_t k : {1u, 10u, 100u}) {
    fs.turns = 0;
    uint64_t ios = 0;
    for (size_t i = 0; i < queries.rows; ++i) {
      SearchRequest request = request_of(queries, i, k);
      request.effort = 2 * k + 20;
      const auto answer = index->search(request);
      ASSERT_OK(answer);
      EXPECT_EQ(answer->neighbors.size(), k);
      ios += answer->stats.ios;
    }
    EXPECT_GE(ios, queries.rows * k / 2) << "rows side by side are one read";
    EXPECT_LE(fs.turns, 2 * queries.rows + queries.rows / 4) << "k " << k << ", " << ios << " reads";
  }
}

/// In clusters much tighter than they lie far from their mean codes tell little. In memory full vectors step
/// in; on disk the walk stays on codes, and more bits must do. What is found has its true distance.
TEST(GraphDiskHardData, TightClustersWantMoreBits) {
  MemoryFileSystem fs;
  constexpr uint32_t kWide = 64;
  const Vectors centres = normal_vectors(100, kWide, test_seed(15));
  Vectors all = normal_vectors(10'100, kWide, test_seed(16));
  for (size_t i = 0; i < all.data.size(); ++i)
    all.data[i] = 0.02f * all.data[i] + centres.data[i / kWide % 100 * kWide + i % kWide];
  const auto [vectors, queries] = rows_and_queries(std::move(all), 100);
  const auto flat = filled(spec_of("flat", Metric::kL2, kWide), vectors);
  for (const auto& [codes, recall] : {std::pair{"rabitq4", 0.65}, {"rabitq8", 0.95}}) {
    const auto disk = filled(disk_spec(fs, "vamana", Metric::kL2, kWide, {{"codes", codes}}), vectors);
    const double found = measure(*disk, *flat, queries, 64).recall;
    std::printf("tight clusters on disk, %s: recall %.4f\n", codes, found);
    EXPECT_GE(found, recall) << codes;
    for (size_t i = 0; i < queries.rows; ++i) {
      ASSERT_VALUE(answer, disk->search(request_of(queries, i)));
      for (const Neighbor& neighbor : answer.neighbors)
        EXPECT_NEAR(neighbor.distance, l2(queries.row(i), vectors.row(neighbor.row), kWide), 1e-3);
    }
  }
}

TEST(GraphDiskMemory, BytesAreAFractionOfTheVectors) {
  MemoryFileSystem fs;
  for (const uint32_t dim : {128u, 256u, 784u}) {
    const Vectors vectors = clustered_vectors(5000, dim, 20, test_seed(10));
    const auto index =
        filled(disk_spec(fs, "vamana", Metric::kL2, dim, {{"ef_construction", "40"}}), vectors);
    EXPECT_LE(static_cast<double>(index->memory().total()),
              0.45 * static_cast<double>(vectors.data.size() * sizeof(float)))
        << dim;
  }
}

/// While it is built, when it is settled, and while it is opened.
TEST(GraphDiskMemory, TheProcessHoldsCodesAndStructureAlone_slow) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory of their own";
  constexpr uint32_t kWide = 256;
  constexpr size_t kRows = 60'000, kStep = 1000;
  constexpr uint64_t kMiB = uint64_t{1} << 20;
  const TempDir temp;
  ThreadPool pool(2);
  IndexSpec spec =
      disk_spec(posix_file_system(), "vamana", Metric::kL2, kWide, {{"ef_construction", "30"}}, &pool);
  spec.directory = temp.path();
  const Vectors warm = clustered_vectors(kStep, kWide, 20, 1);
  const uint64_t before = resident_bytes();
  (void)take_peak_resident_bytes();
  ASSERT_VALUE(index, create_index(spec));
  for (size_t first = 0; first < kRows; first += kStep) {
    const Vectors some = clustered_vectors(kStep, kWide, 20, first + 1);
    std::vector<Row> rows(kStep);
    std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
    ASSERT_OK(index->add(rows, some.block()));
  }
  const uint64_t built = take_peak_resident_bytes();
  if (built == 0) GTEST_SKIP() << "this kernel tells no peak";
  ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
  for (size_t i = 0; i < 100; ++i) ASSERT_OK(index->search(request_of(warm, i)));
  const uint64_t total = index->memory().total();
  EXPECT_EQ(index->memory().vector_bytes, 0u);
  EXPECT_EQ(index->memory().disk_bytes, kRows * kWide * sizeof(float));
  EXPECT_LE(resident_bytes() - before, total + 8 * kMiB) << "raw vectors are 61 MB";
  EXPECT_LE(built - before, total + (16 + 8) * kMiB) << "16 MiB wait to be linked";
  CheckpointDirectory directory(posix_file_system(), temp / "checkpoints");
  ASSERT_OK(directory.write(*index));
  index.reset();
  malloc_trim(0);
  const uint64_t empty = resident_bytes();
  (void)take_peak_resident_bytes();
  ASSERT_VALUE(
      opened, find_index_kind("vamana").value()->open(directory, {&pool, &posix_file_system(), temp.path()}));
  EXPECT_LE(take_peak_resident_bytes() - empty, opened->memory().total() + 12 * kMiB);
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
}

}  // namespace
}  // namespace kith::test
