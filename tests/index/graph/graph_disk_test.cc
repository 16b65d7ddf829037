// Goal: with memory=codes full vectors are on disk and nothing else changes: the same answers, errors of the
// disk become errors of the call, and memory really falls. Method: twins of the same rows with and without
// the option; the fault file system; exact distances computed from the rows given. Bounds on reads keep a
// rerank of everything from passing.
#include <atomic>
#include <thread>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "tests/index/graph/graph_support.h"
#include "tests/support/memory.h"
#include "tests/support/temp_dir.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 32;

/// `options` and memory=codes, the file in `fs`.
IndexSpec disk_spec(FileSystem& fs, const char* kind, Metric metric, uint32_t dim, IndexOptions options = {},
                    ThreadPool* pool = nullptr) {
  IndexSpec spec = spec_of(kind, metric, dim, std::move(options), pool);
  spec.options.emplace_back("memory", "codes");
  spec.fs = &fs;
  spec.directory = ".";
  return spec;
}

Result<void> add_part(Index& index, const Vectors& vectors, size_t first, size_t count) {
  std::vector<Row> rows(count);
  std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
  return index.add(rows, part(vectors, first, count));
}

/// In steps, so that some rows come before the codes and some after.
std::unique_ptr<Index> filled(const IndexSpec& spec, const Vectors& vectors, size_t step = 700) {
  auto index = create_index(spec);
  EXPECT_OK(index);
  for (size_t first = 0; first < vectors.rows; first += step)
    EXPECT_OK(add_part(**index, vectors, first, std::min(step, vectors.rows - first)));
  return std::move(index).value();
}

SearchRequest request_of(const Vectors& queries, size_t i, uint32_t k = 10) {
  SearchRequest request;
  request.query = queries[i];
  request.k = k;
  return request;
}

double l2(const float* a, const float* b, uint32_t dim) {
  double sum = 0;
  for (uint32_t d = 0; d < dim; ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

void expect_same(const SearchAnswer& a, const SearchAnswer& b) {
  ASSERT_EQ(a.neighbors.size(), b.neighbors.size());
  for (size_t i = 0; i < a.neighbors.size(); ++i) {
    EXPECT_EQ(a.neighbors[i].row, b.neighbors[i].row) << i;
    const float distance = b.neighbors[i].distance;  // kernels round rows side by side another way
    EXPECT_NEAR(a.neighbors[i].distance, distance, 1e-5f * std::abs(distance) + 1e-6f) << i;
  }
}

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
  EXPECT_EQ(disk->memory().structure_bytes, memory->memory().structure_bytes);
  EXPECT_EQ(disk->memory().disk_bytes, vectors.rows * kDim * sizeof(float));
  uint64_t ios = 0, disk_distances = 0, memory_distances = 0;
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto from_disk = disk->search(request_of(queries, i));
    const auto from_memory = memory->search(request_of(queries, i));
    ASSERT_OK(from_disk);
    ASSERT_OK(from_memory);
    const SearchStats& stats = from_disk->stats;
    disk_distances += stats.full_distances;
    memory_distances += from_memory->stats.full_distances;
    EXPECT_EQ(stats.code_distances, from_memory->stats.code_distances);
    EXPECT_EQ(stats.bytes_read, stats.full_distances * kDim * sizeof(float));
    EXPECT_LE(stats.ios, stats.full_distances);
    EXPECT_EQ(from_memory->stats.ios, 0u);
    ios += stats.ios;
  }
  const auto flat = filled(spec_of("flat", metric, kDim), vectors);
  EXPECT_GE(measure(*disk, *flat, queries, 64).recall, measure(*memory, *flat, queries, 64).recall - 0.002);
  EXPECT_LE(disk_distances, memory_distances);
  EXPECT_GE(ios, queries.rows);
  EXPECT_LE(ios, queries.rows * 40) << "of a beam of 64, for 10 rows";
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
    range.radius = memory->search(request_of(queries, i, 100))->neighbors.back().distance;
    const auto near_memory = row->range_search(*memory, range);
    const auto near_disk = row->range_search(*disk, range);
    ASSERT_OK(near_memory);
    ASSERT_OK(near_disk);
    within_memory += near_memory->neighbors.size();
    within_disk += near_disk->neighbors.size();
    for (const Neighbor& neighbor : near_disk->neighbors) EXPECT_LE(neighbor.distance, range.radius);
    EXPECT_LE(near_disk->stats.full_distances, vectors.rows / 2);
  }
  EXPECT_GE(within_memory, queries.rows * 99);
  EXPECT_GE(static_cast<double>(within_disk), 0.998 * static_cast<double>(within_memory));
}

TEST_P(GraphDisk, ReopensFromACheckpoint) {
  const auto [kind, metric] = GetParam();
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(6020, kDim, 30, seed_), 20);
  Vectors first = vectors;
  first.rows = 5000;
  const auto index = filled(disk_spec(fs_, kind, metric, kDim), first);
  ASSERT_OK(index->remove(17));
  ASSERT_OK(index->checkpoint(fs_, "c"));
  const IndexKind* row = find_index_kind(kind).value();
  ASSERT_VALUE(opened, row->open(fs_, "c", nullptr));
  EXPECT_EQ(opened->memory().vector_bytes, 0u);
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto before = index->search(request_of(queries, i));
    const auto after = opened->search(request_of(queries, i));
    ASSERT_OK(after);
    EXPECT_GT(after->stats.ios, 0u);
    EXPECT_EQ(after->neighbors[0].row, before->neighbors[0].row);  // landmarks may differ: not all the walk
  }
  ASSERT_OK(opened->checkpoint(fs_, "again"));
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

TEST(GraphDiskOptions, DeterministicGraphsAreTheSameOnDisk) {
  MemoryFileSystem fs;
  ThreadPool pool(2);
  const IndexOptions options = {{"deterministic", "true"}, {"codes", "rabitq4"}, {"ef_construction", "40"}};
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(5050, kDim, 30, test_seed(11)), 50);
  const auto disk = filled(disk_spec(fs, "vamana", Metric::kCosine, kDim, options, &pool), vectors);
  const auto memory = filled(spec_of("vamana", Metric::kCosine, kDim, options, &pool), vectors);
  ASSERT_OK(find_index_kind("vamana").value()->settle(*disk, Stop{}));
  EXPECT_EQ(disk->memory().vector_bytes, 0u);
  for (size_t i = 0; i < queries.rows; ++i) {
    const auto from_disk = disk->search(request_of(queries, i));
    const auto from_memory = memory->search(request_of(queries, i));
    ASSERT_OK(from_disk);
    EXPECT_EQ(from_disk->stats.code_distances, from_memory->stats.code_distances) << "another walk";
    EXPECT_EQ(from_disk->neighbors[0].row, from_memory->neighbors[0].row);
  }
}

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
  EXPECT_ERROR(index->checkpoint(fs, "c"), Code::kUnavailable, "scratch");
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
      while (!done) {
        ASSERT_OK(index->checkpoint(fs, "c"));
        ASSERT_OK(find_index_kind("vamana").value()->open(fs, "c", nullptr));
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

TEST(GraphDiskMemory, TheProcessHoldsCodesAndStructureAlone_slow) {
  if (kSanitized) GTEST_SKIP() << "sanitizers keep memory of their own";
  constexpr uint32_t kWide = 256;
  constexpr size_t kRows = 60'000, kStep = 1000;
  const TempDir temp;
  ThreadPool pool(2);
  IndexSpec spec =
      disk_spec(posix_file_system(), "vamana", Metric::kL2, kWide, {{"ef_construction", "30"}}, &pool);
  spec.directory = temp.path();
  const Vectors warm = clustered_vectors(kStep, kWide, 20, 1);
  const uint64_t before = resident_bytes();
  ASSERT_VALUE(index, create_index(spec));
  for (size_t first = 0; first < kRows; first += kStep) {
    const Vectors some = clustered_vectors(kStep, kWide, 20, first + 1);
    std::vector<Row> rows(kStep);
    std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
    ASSERT_OK(index->add(rows, some.block()));
  }
  ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
  for (size_t i = 0; i < 100; ++i) ASSERT_OK(index->search(request_of(warm, i)));
  const uint64_t grown = resident_bytes() - before;
  EXPECT_EQ(index->memory().vector_bytes, 0u);
  EXPECT_EQ(index->memory().disk_bytes, kRows * kWide * sizeof(float));
  EXPECT_LE(grown, index->memory().total() + (size_t{8} << 20)) << "raw vectors are 61 MB";
}

}  // namespace
}  // namespace kith::test
