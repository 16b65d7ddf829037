// Goal: a graph with codes opens as it was saved, and no damage to its codes gets further than Corruption.
// Method: answers and counters before and after, bytes of a second save; each byte of the sections CODE and
// CROW changed, under wrong checksums and under right ones.
#include "tests/fuzz/checkpoint_mutator.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 64;

Result<std::unique_ptr<Index>> open(const char* kind, const CheckpointFiles& files,
                                    ThreadPool* pool = nullptr) {
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  EXPECT_OK(directory.put(files));
  return find_index_kind(kind).value()->open(directory, {.pool = pool});
}

void expect_same_answers(const Index& one, const Index& other, const Vectors& queries) {
  for (size_t i = 0; i < queries.rows; ++i) {
    SearchRequest request;
    request.query = queries[i];
    request.effort = 40;
    ASSERT_VALUE(a, one.search(request));
    ASSERT_VALUE(b, other.search(request));
    ASSERT_EQ(a.neighbors.size(), b.neighbors.size());
    for (size_t j = 0; j < a.neighbors.size(); ++j) {
      EXPECT_EQ(a.neighbors[j].row, b.neighbors[j].row) << "query " << i;
      EXPECT_EQ(a.neighbors[j].distance, b.neighbors[j].distance) << "query " << i;
    }
    EXPECT_EQ(a.stats.code_distances, b.stats.code_distances) << "query " << i;
    EXPECT_EQ(a.stats.full_distances, b.stats.full_distances) << "query " << i;
    EXPECT_GT(a.stats.hops, 0u) << "query " << i << " was a scan";
  }
}

/// The contract's test of this has so few rows that its searches scan them.
TEST(CodedCheckpoint, EveryKindWalksTheSameWayWhenOpened) {
  const auto set = rows_and_queries(clustered_vectors(5130, kDim, 40, test_seed(101)), 30);
  const Vectors &rows = set.first, &queries = set.second;
  for (const IndexKind* kind : index_kinds()) {
    if (std::string_view(kind->name) == "flat") continue;
    for (const char* codes : {"none", "rabitq4"}) {
      SCOPED_TRACE(std::string(kind->name) + ", codes " + codes);
      const auto index = build(spec_of(kind->name, Metric::kL2, kDim, {{"codes", codes}}), rows);
      // Few, which stay in the graph until it is settled: what leaves moves landmarks, which no file keeps.
      for (Row row = 0; row < 5100; row += 400) ASSERT_OK(index->remove(row));
      const CheckpointFiles files = checkpoint_files(*index);
      ASSERT_VALUE(opened, open(kind->name, files));
      expect_same_answers(*index, *opened, queries);
      EXPECT_EQ(checkpoint_files(*opened), files);
      EXPECT_EQ(opened->memory().total(), index->memory().total());
      // It grows on codes.
      const std::vector<Row> more = {9000, 9001, 9002};
      ASSERT_OK(opened->add(more, part(queries, 0, 3)));
      ASSERT_OK(kind->settle(*opened, Stop{}));
      SearchRequest request;
      request.query = queries[1];
      ASSERT_VALUE(answer, opened->search(request));
      if (!std::string_view(kind->name).ends_with("sg")) {  // nsg and nssg miss clusters far from their roots
        EXPECT_EQ(answer.neighbors.at(0).row, 9001u);
      }
      EXPECT_EQ(answer.stats.code_distances > 0, std::string_view(codes) != "none");
    }
  }
}

/// Rows that were waiting when the file was written have no code in it; they get one as they are linked.
TEST(CodedCheckpoint, RowsNotLinkedYetGetTheirCodesLater) {
  const Vectors vectors = clustered_vectors(6000, kDim, 40, test_seed(102));
  std::atomic<bool> go{false};
  ThreadPool pool(1);
  pool.submit([&] {
    while (!go) std::this_thread::yield();
  });
  ASSERT_VALUE(index, create_index(spec_of("vamana", Metric::kL2, kDim,
                                           {{"codes", "rabitq4"}, {"pending_max", "2500"}}, &pool)));
  ASSERT_OK(index->add(first_rows(6000), vectors.block()));
  ASSERT_GT(index->stats().pending, 1000u);
  const CheckpointFiles files = checkpoint_files(*index);
  go = true;
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    ASSERT_VALUE(opened, open("vamana", files, with));
    ASSERT_OK(find_index_kind("vamana").value()->settle(*opened, Stop{}));
    ASSERT_VALUE(audit, audit_graph(*opened));
    EXPECT_EQ(audit.unreachable, 0u);
    size_t found = 0;
    for (size_t i = 0; i < 6000; i += 3) {
      SearchRequest request;
      request.query = vectors[i];
      request.k = 1;
      ASSERT_VALUE(answer, opened->search(request));
      found += answer.neighbors.at(0).row == i;
      ASSERT_GT(answer.stats.code_distances, 0u);
    }
    EXPECT_GE(found, 1994u) << "of 2,000";
  }
}

void expect_five_answers(const Index& index) {
  SearchRequest request;
  const std::vector<float> zero(4);
  request.query = {reinterpret_cast<const std::byte*>(zero.data()), ScalarType::kF32, 4};
  request.k = request.effort = 5;
  ASSERT_VALUE(answer, index.search(request));
  EXPECT_EQ(answer.neighbors.size(), 5u);
}

TEST(CodedCheckpoint, DamagedCodesAreRefused) {
  const CheckpointFiles whole = fuzz::coded_checkpoint();
  ASSERT_OK(open("vamana", whole));
  CheckpointFiles damaged = whole;
  const std::byte* code = fuzz::find_section(damaged[kMainFile], section_tag("CODE"));
  ASSERT_NE(code, nullptr);
  const auto offset = load_le<uint64_t>(code + 8), length = load_le<uint64_t>(code + 16);
  for (uint64_t at = 0; at < length; ++at) {
    damaged = whole;
    damaged[kMainFile][offset + at] ^= std::byte{0x40};
    EXPECT_ERROR(open("vamana", damaged), Code::kCorruption, kMainFile) << "byte " << at;
    if (at >= 4 && at < 8) continue;  // spare
    EXPECT_ERROR(open("vamana", fuzz::repaired(damaged)), Code::kCorruption, "CODE") << "byte " << at;
  }
  const auto rows = std::find_if(whole.begin(), whole.end(),
                                 [](const auto& file) { return file.first.starts_with("codes-"); });
  ASSERT_NE(rows, whole.end());
  const auto& [name, bytes] = *rows;
  for (uint64_t at = 0; at < bytes.size(); ++at) {
    damaged = whole;
    damaged[name][at] ^= std::byte{0x40};
    EXPECT_ERROR(open("vamana", damaged), Code::kCorruption, name) << "byte " << at;
    // Any bytes are a code: of another vector, or one infinitely far away.
    if (const auto opened = open("vamana", fuzz::repaired(damaged))) expect_five_answers(**opened);
  }
}

/// The fuzzer's own way of making files, a little of it in every test run.
TEST(CodedCheckpoint, EditedFilesNeverCrash) {
  const uint64_t seed = test_seed(103);
  SCOPED_TRACE(seed);
  Random random(seed);
  for (int i = 0; i < 400; ++i) {
    std::vector<uint8_t> input = {1};
    for (uint64_t left = 3 * (1 + random.below(6)); left > 0; --left)
      input.push_back(static_cast<uint8_t>(random.below(256)));
    fuzz::open_mutated(fuzz::kCoded, input);
  }
}

}  // namespace
}  // namespace kith::test
