// Goal: a row that is written anew with its vector keeps its node, whatever comes beside it, and is found
// under one of its two numbers at any time. Method: rows in every order of replaced, added and removed, with
// checkpoints in between; searches by threads meanwhile. Run under TSan too.
#include <atomic>
#include <thread>

#include "base/io/memory_file_system.h"
#include "tests/index/graph/delete_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 16;

/// Rows over a few vectors, as a collection writes them.
class Writer {
 public:
  Writer(Index& index, const IndexSpec& spec, const Vectors& vectors)
      : index_(&index), kind_(*find_index_kind(spec.kind).value()), vectors_(vectors) {}

  /// A row for each vector named, in place of the one there is of each. How many kept their nodes.
  size_t write(const std::vector<size_t>& which, const std::vector<Row>& replaced) {
    std::vector<Row> rows;
    std::vector<float> data;
    for (const size_t vector : which) {
      rows.push_back(static_cast<Row>(vector_of.size()));
      vector_of.push_back(vector);
      const float* values = &vectors_.data[vector * kDim];
      data.insert(data.end(), values, values + kDim);
    }
    const VectorBlock block{reinterpret_cast<const std::byte*>(data.data()), ScalarType::kF32, kDim,
                            rows.size()};
    auto renamed = kind_.add_replacing(*index_, rows, block, replaced);
    EXPECT_OK(renamed);
    kind_.rename(*index_, *renamed);
    if (renamed->size() < rows.size()) ++replacements;
    for (size_t i = 0; i < rows.size(); ++i) live.insert(rows[i]);
    for (const Row row : replaced) remove(row);
    return renamed->size();
  }
  void remove(Row row) {
    if (row == kNoRow) return;
    EXPECT_OK(index_->remove(row));
    live.erase(row);
  }
  Row some(Random& random) const {
    auto at = live.lower_bound(static_cast<Row>(random.below(vector_of.size())));
    return at == live.end() ? *live.begin() : *at;
  }
  void expect_found() const {
    const auto& rows = dynamic_cast<const GraphIndex&>(*index_).rows();
    EXPECT_EQ(index_->stats().rows, live.size());
    EXPECT_EQ(index_->stats().rows_end, vector_of.size());
    for (Row row = 0; row < vector_of.size(); ++row) {
      const Node node = rows.find(row);
      ASSERT_EQ(node != kNoNode && !rows.removed(node), live.contains(row)) << row;
      if (!live.contains(row)) continue;
      SearchRequest request;
      request.query = vectors_[vector_of[row]];
      request.k = 1;
      const RowSet alone = RowSet::of({&row, 1});
      request.allowed = &alone;
      ASSERT_VALUE(answer, index_->search(request));
      ASSERT_EQ(answer.neighbors.size(), 1u) << row;
      EXPECT_NEAR(answer.neighbors[0].distance, 0, 1e-6) << row;
    }
  }
  void go_on_with(Index& index) { index_ = &index; }

  std::set<Row> live;
  std::vector<size_t> vector_of;         // each row
  std::atomic<size_t> replacements = 0;  // writes in which rows came beside those that then went

 private:
  Index* index_;
  const IndexKind& kind_;
  const Vectors& vectors_;
};

std::vector<size_t> first_vectors(size_t count) {
  std::vector<size_t> which(count);
  std::iota(which.begin(), which.end(), size_t{0});
  return which;
}

TEST(Rename, KeepsTheNodeAndTheLists) {
  constexpr size_t kRows = 600;
  const Vectors vectors = clustered_vectors(kRows, kDim, 8, test_seed(91));
  for (const char* kind : {"vamana", "hnsw", "nsg"}) {
    SCOPED_TRACE(kind);
    const IndexSpec spec = spec_of(kind, Metric::kL2, kDim);
    ASSERT_VALUE(index, create_index(spec));
    Writer writer(*index, spec, vectors);
    EXPECT_EQ(writer.write(first_vectors(kRows), std::vector<Row>(kRows, kNoRow)), 0u);
    settle(*index, spec);
    ASSERT_VALUE(before, audit_graph(*index));
    for (int round = 0; round < 5; ++round) {
      const std::vector<Row> all(writer.live.begin(), writer.live.end());
      EXPECT_EQ(writer.write(first_vectors(kRows), all), kRows);
    }
    writer.expect_found();
    EXPECT_EQ(index->stats().pending, 0u);
    EXPECT_EQ(index->stats().removed, 0u);
    ASSERT_VALUE(after, audit_graph(*index));
    EXPECT_EQ(after.nodes, kRows);
    EXPECT_EQ(after.edges, before.edges);
    EXPECT_EQ(after.degrees, before.degrees);
    EXPECT_EQ(after.unreachable, 0u);
  }
}

TEST(Rename, GoesWithAddsRemovalsAndCheckpoints) {
  constexpr size_t kVectors = 500, kRounds = 150;
  const Vectors vectors = clustered_vectors(kVectors, kDim, 8, test_seed(92));
  Random random(test_seed(93));
  for (const IndexOptions& options : {IndexOptions{}, IndexOptions{{"deletes", "keep"}},
                                      IndexOptions{{"codes", "rabitq4"}, {"memory", "codes"}}}) {
    MemoryFileSystem fs;
    ASSERT_OK(fs.make_directories("scratch"));
    IndexSpec spec = spec_of("vamana", Metric::kCosine, kDim, options);
    spec.fs = &fs;
    spec.directory = "scratch";
    ASSERT_VALUE(index, create_index(spec));
    Writer writer(*index, spec, vectors);
    writer.write(first_vectors(kVectors), std::vector<Row>(kVectors, kNoRow));
    size_t kept = 0, same = 0;
    for (size_t round = 0; round < kRounds; ++round) {
      std::vector<size_t> which;
      std::vector<Row> replaced;
      for (size_t i = random.below(20); i > 0; --i) {
        const Row row = random.below(4) == 0 ? kNoRow : writer.some(random);
        if (std::ranges::count(replaced, row) > 0 && row != kNoRow) continue;
        const bool keeps = row != kNoRow && random.below(3) > 0;
        same += keeps;
        which.push_back(keeps ? writer.vector_of[row] : random.below(kVectors));
        replaced.push_back(row);
      }
      if (!which.empty()) kept += writer.write(which, replaced);
      for (size_t i = random.below(5); i > 0; --i) writer.remove(writer.some(random));
      if (random.below(8) == 0) settle(*index, spec);
      if (random.below(15) != 0) continue;
      CheckpointDirectory directory(fs);
      ASSERT_OK(directory.write(*index));
      ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {nullptr, &fs, "scratch"}));
      index = std::move(opened);
      writer.go_on_with(*index);
    }
    writer.expect_found();
    EXPECT_GE(kept, same) << "one may be replaced by its own vector by chance, too";
    settle(*index, spec);
    writer.expect_found();
  }
}

TEST(Rename, OtherVectorsAndDeterministicGraphsAddRows) {
  const Vectors vectors = clustered_vectors(60, kDim, 2, test_seed(94));
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"deterministic", "true"}});
  ASSERT_VALUE(index, create_index(spec));
  Writer writer(*index, spec, vectors);
  writer.write({0, 1, 2}, {kNoRow, kNoRow, kNoRow});
  EXPECT_EQ(writer.write({0, 1, 5}, {0, 1, 2}), 0u);
  writer.expect_found();
  const IndexSpec other = spec_of("vamana", Metric::kL2, kDim);
  ASSERT_VALUE(usual, create_index(other));
  Writer again(*usual, other, vectors);
  again.write({0, 1, 2}, {kNoRow, kNoRow, kNoRow});
  EXPECT_EQ(again.write({0, 1, 5}, {0, 1, 2}), 2u);
  again.expect_found();
  EXPECT_EQ(again.write({0}, {77}), 0u) << "no such row";
  again.expect_found();
}

/// A search may come upon a row before and after it is renamed: under either number, never under none. (One
/// that began before a row came and ended after the other went may meet neither.)
TEST(RenameConcurrency, SearchesMissNothingMeanwhile) {
  constexpr size_t kRows = 800, kRounds = 60;
  const Vectors vectors = clustered_vectors(kRows, kDim, 8, test_seed(95));
  ThreadPool pool(2);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {}, &pool);
  ASSERT_VALUE(index, create_index(spec));
  Writer writer(*index, spec, vectors);
  writer.write(first_vectors(kRows), std::vector<Row>(kRows, kNoRow));
  std::atomic<bool> done{false};
  std::atomic<size_t> asked{0}, missed{0};
  std::vector<std::jthread> threads;
  for (uint64_t seed = 1; seed <= 2; ++seed)
    threads.emplace_back([&, seed] {
      Random random(seed);
      while (!done) {
        SearchRequest request;
        request.query = vectors[random.below(kRows)];
        request.k = 1;
        if (random.below(2) == 0) request.plan = FilterPlan::kScan;
        request.effort = 40;
        const size_t before = writer.replacements;
        const auto answer = index->search(request);
        if (!answer.ok()) ADD_FAILURE() << answer.error().message;
        if (writer.replacements != before) continue;
        ++asked;
        missed += answer->neighbors.empty() || answer->neighbors[0].distance != 0;
      }
    });
  threads.emplace_back([&] {
    while (!done) {
      MemoryFileSystem fs;
      CheckpointDirectory directory(fs);
      EXPECT_OK(directory.write(*index));
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  size_t kept = 0;
  for (size_t round = 0; round < kRounds; ++round) {
    const std::vector<Row> all(writer.live.begin(), writer.live.end());
    std::vector<size_t> which;
    for (const Row row : all) which.push_back(writer.vector_of[row]);
    kept += writer.write(which, all);
  }
  done = true;
  threads.clear();
  EXPECT_EQ(missed, 0u);
  EXPECT_GT(kept, 0u);
  EXPECT_GT(asked, 0u);
  settle(*index, spec);
  writer.expect_found();
}

}  // namespace
}  // namespace kith::test
