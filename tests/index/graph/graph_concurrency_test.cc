// Goal: inserts, searches, removals, checkpoints and destruction at once neither race nor lose rows. Method:
// threads on one index with a pool; run under TSan in CI. Rows are found by their own vector as soon as add
// has returned.
#include <atomic>
#include <thread>

#include "base/io/memory_file_system.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

SearchRequest nearest_one(const Vectors& vectors, size_t i) {
  SearchRequest request;
  request.query = vectors[i];
  request.k = 1;
  return request;
}

TEST(GraphConcurrency, RowsAreFoundAsSoonAsTheyAreAdded) {
  const Vectors vectors = clustered_vectors(3000, 16, 10, test_seed(21));
  const std::vector<Row> rows = first_rows(3000);
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of("hnsw", Metric::kL2, 16, {{"ef_construction", "80"}}, &pool)));
  std::atomic<size_t> added{0};
  std::atomic<bool> failed{false};
  const auto search = [&](uint64_t seed) {
    Random random(seed);
    while (added.load() < 3000 && !failed) {
      const size_t limit = added.load();
      if (limit == 0) continue;
      const size_t i = random.below(limit);
      const auto answer = index->search(nearest_one(vectors, i));
      // A removed row may be missing; every other one is its own nearest.
      if (!answer || (i % 10 != 0 && (answer->neighbors.empty() || answer->neighbors[0].distance != 0)))
        failed = true;
    }
  };
  std::thread one(search, 1), two(search, 2);
  std::thread saver([&] {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    while (added.load() < 3000 && !failed) {
      if (!directory.write(*index).ok() || index->stats().rows > 3000) failed = true;
      const auto opened = find_index_kind("hnsw").value()->open(directory, {});
      if (!opened) {
        ADD_FAILURE() << opened.error().message;
        failed = true;
      }
    }
  });
  for (size_t i = 0; i < 3000; i += 50) {
    EXPECT_OK(index->add(std::span(rows).subspan(i, 50), part(vectors, i, 50)));
    EXPECT_OK(index->remove(static_cast<Row>(i)));
    added = i + 50;
  }
  one.join();
  two.join();
  saver.join();
  EXPECT_FALSE(failed) << "after " << added << " rows";
  ASSERT_OK(find_index_kind("hnsw").value()->settle(*index, Stop{}));
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_OK(directory.write(*index));
  EXPECT_EQ(directory.kept(), 2u) << "nothing changed";
  EXPECT_EQ(index->stats().pending, 0u);
  EXPECT_EQ(index->stats().rows, 2940u);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

void bring_codes_in(const char* kind, IndexOptions options) {
  SCOPED_TRACE(kind);
  constexpr uint32_t kDim = 32;
  constexpr size_t kRows = 6000;
  const Vectors vectors = clustered_vectors(kRows, kDim, 20, test_seed(26));
  const std::vector<Row> rows = first_rows(kRows);
  options.emplace_back("codes", "rabitq4");
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of(kind, Metric::kL2, kDim, options, &pool)));
  std::atomic<size_t> added{0};
  std::atomic<bool> done{false};
  std::atomic<size_t> wrong{0}, asked{0}, on_codes{0};
  const auto search = [&](uint64_t seed) {
    Random random(seed);
    while (!done) {
      const size_t limit = added.load();
      if (limit == 0) continue;
      const size_t i = random.below(limit);
      const auto answer = index->search(nearest_one(vectors, i));
      wrong += !answer || (i % 10 != 0 && (answer->neighbors.empty() || answer->neighbors[0].distance != 0));
      on_codes += answer && answer->stats.code_distances > 0;
      ++asked;
    }
  };
  std::thread one(search, 1), two(search, 2);
  std::thread settler([&] {
    const auto settle = find_index_kind(kind).value()->settle;
    while (added.load() < 3000) std::this_thread::yield();
    while (!done) EXPECT_OK(settle(*index, Stop{}));
  });
  std::thread saver([&] {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    while (!done) {
      EXPECT_OK(directory.write(*index));
      EXPECT_OK(find_index_kind(kind).value()->open(directory, {}));
      EXPECT_LE(index->stats().rows, kRows);
      EXPECT_GE(index->memory().total(), 0u);
    }
  });
  for (size_t i = 0; i < kRows; i += 500) {
    EXPECT_OK(index->add(std::span(rows).subspan(i, 500), part(vectors, i, 500)));
    for (size_t row = i; row < i + 500; row += 10) EXPECT_OK(index->remove(static_cast<Row>(row)));
    added = i + 500;
  }
  EXPECT_OK(find_index_kind(kind).value()->settle(*index, Stop{}));
  const size_t before = asked;
  while (asked < before + 200) std::this_thread::yield();
  done = true;
  for (std::thread* thread : {&one, &two, &settler, &saver}) thread->join();
  EXPECT_LE(wrong.load(), asked / 500 + 5) << "of " << asked;  // walks on codes may miss some
  EXPECT_GT(on_codes.load(), 0u);
  EXPECT_EQ(index->stats().pending, 0u);
  EXPECT_EQ(index->stats().rows, kRows - kRows / 10);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

/// Codes come in under searches, inserts and saves, and rows go. Kinds that link as rows come, in batches,
/// and at once.
TEST(GraphConcurrency, CodesComeInWhileOthersSearch) {
  bring_codes_in("vamana", {{"ef_construction", "30"}});
  bring_codes_in("vamana", {{"ef_construction", "30"}, {"deterministic", "true"}});
  bring_codes_in("hcnng", {{"trees", "8"}, {"leaf", "100"}});
}

TEST(GraphConcurrency, LearnsWhileOthersAddAndSearch) {
  constexpr uint32_t kDim = 16;
  const Vectors vectors = clustered_vectors(5000, kDim, 10, test_seed(27));
  const Vectors queries = normal_vectors(400, kDim, test_seed(28));
  const std::vector<Row> rows = first_rows(5000);
  const IndexKind* kind = find_index_kind("vamana").value();
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of("vamana", Metric::kL2, kDim,
                                           {{"ef_construction", "40"}, {"codes", "rabitq4"}}, &pool)));
  std::atomic<bool> done{false}, failed{false};
  std::atomic<size_t> learnt{0};
  std::thread learner([&] {
    while (!done && !failed) {
      if (!kind->learn(*index, part(queries, learnt % 400, 50), Stop{}).ok()) failed = true;
      learnt += 50;
    }
  });
  std::thread searcher([&] {
    for (size_t i = 0; !done && !failed; i = (i + 7) % 400) {
      SearchRequest request = nearest_one(queries, i);
      if (!index->search(request).ok()) failed = true;
    }
  });
  for (size_t i = 0; i < 5000; i += 50) {
    EXPECT_OK(index->add(std::span(rows).subspan(i, 50), part(vectors, i, 50)));
    EXPECT_OK(index->remove(static_cast<Row>(i)));
  }
  ASSERT_OK(kind->settle(*index, Stop{}));
  done = true;
  learner.join();
  searcher.join();
  EXPECT_FALSE(failed);
  EXPECT_GE(learnt, 50u);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

TEST(GraphConcurrency, DestructionStopsPendingWork) {
  const Vectors vectors = clustered_vectors(20'000, 64, 10, test_seed(22));
  ThreadPool pool(2);
  ASSERT_VALUE(index, create_index(spec_of("hnsw", Metric::kL2, 64, {{"ef_construction", "400"}}, &pool)));
  ASSERT_OK(index->add(first_rows(20'000), vectors.block()));
  EXPECT_GT(index->stats().pending, 0u);
  const auto before = std::chrono::steady_clock::now();
  index.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(2));
}

TEST(GraphConcurrency, DestructionDoesNotWaitForTasksThePoolNeverStarted) {
  const Vectors vectors = normal_vectors(2000, 16, test_seed(23));
  std::atomic<bool> go{false};  // outlives the task that looks at it
  ThreadPool pool(1);
  pool.submit([&] {
    while (!go) std::this_thread::yield();
  });
  ASSERT_VALUE(index, create_index(spec_of("hnsw", Metric::kL2, 16, {}, &pool)));
  ASSERT_OK(index->add(first_rows(2000), vectors.block()));
  EXPECT_EQ(index->stats().pending, 2000u);
  const auto answer = index->search(nearest_one(vectors, 1999));
  ASSERT_OK(answer);
  EXPECT_EQ(answer->neighbors.at(0).row, 1999u);
  EXPECT_EQ(answer->stats.pending_scanned, 2000u);
  index.reset();
  go = true;
}

TEST(GraphConcurrency, AddWaitsWhenTooManyArePending) {
  const Vectors vectors = normal_vectors(3000, 16, test_seed(24));
  std::atomic<bool> go{false};  // outlives the task that looks at it
  ThreadPool pool(1);
  pool.submit([&] {  // the pool does nothing: add has to link by itself, not to wait for ever
    while (!go) std::this_thread::yield();
  });
  ASSERT_VALUE(index, create_index(spec_of("hnsw", Metric::kL2, 16, {{"pending_max", "100"}}, &pool)));
  ASSERT_OK(index->add(first_rows(3000), vectors.block()));
  EXPECT_LE(index->stats().pending, 100u);
  Stop soon;
  soon.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_ERROR(find_index_kind("hnsw").value()->settle(*index, soon), Code::kDeadlineExceeded, "deadline");
  go = true;
  ASSERT_OK(find_index_kind("hnsw").value()->settle(*index, Stop{}));
  EXPECT_EQ(index->stats().pending, 0u);
}

TEST(GraphConcurrency, PendingRowsSurviveACheckpoint) {
  const Vectors vectors = clustered_vectors(2000, 16, 10, test_seed(25));
  std::atomic<bool> go{false};  // outlives the task that looks at it
  ThreadPool pool(1);
  pool.submit([&] {
    while (!go) std::this_thread::yield();
  });
  ASSERT_VALUE(index, create_index(spec_of("hnsw", Metric::kL2, 16, {{"pending_max", "1500"}}, &pool)));
  ASSERT_OK(index->add(first_rows(2000), vectors.block()));
  ASSERT_GT(index->stats().pending, 1000u);
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, find_index_kind("hnsw").value()->open(directory, {}));
  EXPECT_EQ(opened->stats().pending, 0u) << "without a pool opening links what was pending";
  ASSERT_VALUE(audit, audit_graph(*opened));
  EXPECT_EQ(audit.nodes, 2000u);
  EXPECT_EQ(audit.unreachable, 0u);
  go = true;
}

}  // namespace
}  // namespace kith::test
