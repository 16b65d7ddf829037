// Goal: rows that are removed leave the graph, and it stays as good as one that never had them: all that stay
// are reached, recall and cost are those of a fresh build; what is kept instead (deletes=keep) stays a
// burden. Method: churn beside fresh builds and exact answers, for every kind; chains, entries, whole
// clusters, checkpoints; threads, under TSan in CI.
#include <atomic>
#include <map>
#include <thread>

#include "base/io/memory_file_system.h"
#include "tests/index/graph/delete_support.h"

namespace kith::test {
namespace {

constexpr uint32_t kDim = 24;

size_t dangling_edges(const Index& index) {
  const GraphStore& graph = graph_of(index);
  std::vector<Node> list(graph.base().capacity());
  size_t out = 0;
  for (Node node = 0; node < graph.grown(); ++node) {
    const uint32_t degree = graph.base().read(node, list.data());
    for (uint32_t i = 0; i < degree; ++i) out += graph.left(list[i]);
  }
  return out;
}

class Deletes : public ::testing::TestWithParam<const char*> {};

/// Six times over: a fifth of the rows leaves, as many come.
TEST_P(Deletes, LeaveAGraphAsGoodAsAFreshOne) {
  constexpr size_t kRows = 4000, kStep = 800, kCycles = 6;
  const auto [vectors, queries] =
      rows_and_queries(clustered_vectors(kRows + kCycles * kStep + 1000, kDim, 3, test_seed(71)), 1000);
  const IndexSpec spec = spec_of(GetParam(), Metric::kL2, kDim);
  ASSERT_VALUE(index, create_index(spec));
  const std::vector<Row> rows = first_rows(vectors.rows);
  ASSERT_OK(index->add(std::span(rows).first(kRows), part(vectors, 0, kRows)));
  settle(*index, spec);
  std::vector<bool> removed(vectors.rows);
  Random random(test_seed(72));
  for (size_t cycle = 0, end = kRows; cycle < kCycles; ++cycle, end += kStep) {
    for (size_t gone = 0; gone < kStep;) {
      const size_t row = random.below(end);
      if (removed[row]) continue;
      removed[row] = true;
      ++gone;
      ASSERT_OK(index->remove(static_cast<Row>(row)));
    }
    ASSERT_OK(index->add(std::span(rows).subspan(end, kStep), part(vectors, end, kStep)));
    settle(*index, spec);
    ASSERT_VALUE(audit, audit_graph(*index));
    ASSERT_EQ(audit.unreachable, 0u) << "cycle " << cycle;
    ASSERT_EQ(audit.nodes, kRows) << "cycle " << cycle;
  }
  EXPECT_LE(dynamic_cast<const GraphIndex&>(*index).rows().size(), kRows + 2 * kStep)
      << "nodes are used again";
  EXPECT_LE(static_cast<double>(dangling_edges(*index)), 0.03 * static_cast<double>(kRows) * 16);
  const auto flat = flat_of(vectors, removed);
  Vectors staying{{}, kDim, 0};
  for (size_t i = 0; i < vectors.rows; ++i)
    if (!removed[i]) {
      staying.data.insert(staying.data.end(), vectors.data.begin() + static_cast<ptrdiff_t>(i * kDim),
                          vectors.data.begin() + static_cast<ptrdiff_t>((i + 1) * kDim));
      ++staying.rows;
    }
  const auto fresh = build(spec, staying);
  const Measured churned = measure_at(*index, *flat, queries, 0.95);
  const Measured expected = measure_at(*fresh, *flat, queries, 0.95);
  std::printf("%s: at recall .95 %.0f distances, fresh %.0f\n", GetParam(), churned.distances,
              expected.distances);
  ASSERT_GT(churned.recall, 0.9);
  // A graph that is built at once has other edges than links and repairs make.
  const std::string_view kind = GetParam();
  const bool grown = kind == "vamana" || kind == "hnsw" || kind == "nsw";
  EXPECT_LE(churned.distances, (grown ? 1.1 : 1.2) * expected.distances);
  const double at_fixed_effort = measure(*index, *flat, queries, 40).recall;
  EXPECT_GE(at_fixed_effort, measure(*fresh, *flat, queries, 40).recall - 0.015);
}

/// Whole clusters, and in the end all there is; then others come.
TEST_P(Deletes, TakeWholeRegionsAndAllOfThem) {
  constexpr size_t kRows = 3000;
  const Vectors vectors = clustered_vectors(2 * kRows, kDim, 12, test_seed(73));
  const IndexSpec spec = spec_of(GetParam(), Metric::kL2, kDim);
  ASSERT_VALUE(index, create_index(spec));
  const std::vector<Row> rows = first_rows(vectors.rows);
  ASSERT_OK(index->add(std::span(rows).first(kRows), part(vectors, 0, kRows)));
  settle(*index, spec);
  // The nearest 500 of some row, six times: all.
  std::vector<bool> removed(kRows);
  for (size_t region = 0; region < 6; ++region) {
    const auto flat = flat_of(vectors, removed);
    for (size_t row = kRows; row < vectors.rows; ++row) ASSERT_OK(flat->remove(static_cast<Row>(row)));
    SearchRequest request;
    request.query = vectors[kRows + region];
    request.k = 500;
    ASSERT_VALUE(near, flat->search(request));
    for (const Neighbor& neighbor : near.neighbors) {
      removed[neighbor.row] = true;
      ASSERT_OK(index->remove(neighbor.row));
    }
    settle(*index, spec);
    ASSERT_VALUE(audit, audit_graph(*index));
    ASSERT_EQ(audit.unreachable, 0u) << region;
    request.k = 10;
    ASSERT_VALUE(answer, index->search(request));
    for (const Neighbor& neighbor : answer.neighbors) ASSERT_FALSE(removed[neighbor.row]);
    ASSERT_EQ(answer.neighbors.size(), region < 5 ? 10u : 0u);
  }
  ASSERT_OK(index->add(std::span(rows).subspan(kRows), part(vectors, kRows, kRows)));
  settle(*index, spec);
  for (size_t i = kRows; i < vectors.rows; i += 7) {
    SearchRequest request;
    request.query = vectors[i];
    request.k = 1;
    ASSERT_VALUE(answer, index->search(request));
    ASSERT_EQ(answer.neighbors.size(), 1u);
    EXPECT_EQ(answer.neighbors[0].distance, 0) << i;
  }
}
INSTANTIATE_TEST_SUITE_P(Kinds, Deletes, ::testing::Values("vamana", "hnsw", "nsw", "nsg", "nssg", "hcnng"));

/// Equal rows hang at the first of them: it stays while one of the others does, and then leaves.
TEST(InPlaceDeletes, KeepWhatEqualRowsHangAt) {
  Vectors vectors = clustered_vectors(2000, kDim, 10, test_seed(74));
  for (size_t row = 1000; row < 1100; ++row)  // equal to row 5
    std::copy_n(vectors.data.begin() + 5 * kDim, kDim,
                vectors.data.begin() + static_cast<ptrdiff_t>(row * kDim));
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim);
  const auto index = build(spec, vectors);
  const auto found = [&](size_t row) {
    SearchRequest request;
    request.query = vectors[row];
    request.k = 200;
    const auto answer = index->search(request);
    EXPECT_OK(answer);
    return std::ranges::count_if(answer->neighbors, [](const Neighbor& n) { return n.distance == 0; });
  };
  ASSERT_EQ(found(5), 101);
  for (Row row = 1000; row < 1099; ++row) ASSERT_OK(index->remove(row));
  ASSERT_OK(index->remove(5));
  settle(*index, spec);
  EXPECT_EQ(found(5), 1) << "row 1099 hangs at row 5, which is there no more";
  EXPECT_FALSE(graph_of(*index).left(5));
  ASSERT_OK(index->remove(1099));
  settle(*index, spec);
  EXPECT_EQ(found(5), 0);
  EXPECT_TRUE(graph_of(*index).left(5));
}

/// Lists say who is led to, not who leads there: walks find nearly all of these. (IP-DiskANN, section 4.)
TEST(InPlaceDeletes, FindWhoLeadsToWhatLeaves) {
  constexpr Node kRows = 20'000, kLeaving = 128;  // all at once
  const Vectors vectors = clustered_vectors(kRows, kDim, 40, test_seed(85));
  for (const char* kind : {"vamana", "hnsw", "nsg"}) {
    const IndexSpec spec = spec_of(kind, Metric::kL2, kDim);
    const auto index = build(spec, vectors);
    const auto leaves = [](Node node) { return node % 100 == 50 && node < 100 * kLeaving; };
    const auto edges_to_leaving = [&] {
      const AdjacencyStore& lists = graph_of(*index).base();
      std::vector<Node> list(lists.capacity());
      size_t edges = 0;
      for (Node node = 0; node < kRows; ++node)
        if (const uint32_t count = lists.read(node, list.data()); !leaves(node))
          edges += static_cast<size_t>(std::ranges::count_if(std::span(list).first(count), leaves));
      return edges;
    };
    const size_t before = edges_to_leaving();
    for (Row row = 0; row < kRows; ++row)
      if (leaves(row)) {
        ASSERT_OK(index->remove(row));
      }
    ASSERT_GE(std::ranges::count_if(first_rows(kRows), [&](Row row) { return graph_of(*index).left(row); }),
              kLeaving - 1);
    const size_t missed = edges_to_leaving();
    std::printf("%s: %zu of %zu edges found\n", kind, before - missed, before);
    EXPECT_LE(static_cast<double>(missed), 0.1 * static_cast<double>(before)) << kind;
    settle(*index, spec);
  }
}

TEST(InPlaceDeletes, MoveTheWayIn) {
  for (const char* kind : {"vamana", "hnsw"}) {
    const Vectors vectors = clustered_vectors(3000, kDim, 10, test_seed(75));
    const IndexSpec spec = spec_of(kind, Metric::kL2, kDim);
    const auto index = build(spec, vectors);
    for (int i = 0; i < 40; ++i) {
      const Node entry = graph_of(*index).entry()->node;
      ASSERT_OK(index->remove(entry));
      settle(*index, spec);
      ASSERT_NE(graph_of(*index).entry()->node, entry);
      ASSERT_VALUE(audit, audit_graph(*index));
      ASSERT_EQ(audit.unreachable, 0u) << kind << " " << i;
      EXPECT_EQ(audit.entry_level, graph_of(*index).level(graph_of(*index).entry()->node));
    }
  }
}

TEST(InPlaceDeletes, ComeBackFromACheckpoint) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(4100, kDim, 20, test_seed(76)), 100);
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim);
  const auto index = build(spec, vectors);
  std::vector<bool> removed(vectors.rows);
  for (size_t row = 0; row < vectors.rows; row += 3) {
    removed[row] = true;
    ASSERT_OK(index->remove(static_cast<Row>(row)));
    if (row % 2 == 0) continue;  // and some that have not left yet when the checkpoint is taken
    if (row == 2001) settle(*index, spec);
  }
  MemoryFileSystem fs;
  CheckpointDirectory directory(fs);
  ASSERT_OK(directory.write(*index));
  ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, {}));
  settle(*opened, spec);
  settle(*index, spec);
  EXPECT_EQ(opened->stats().rows, index->stats().rows);
  EXPECT_EQ(opened->stats().pending, 0u);
  ASSERT_VALUE(audit, audit_graph(*opened));
  EXPECT_EQ(audit.unreachable, 0u);
  EXPECT_EQ(audit.nodes, index->stats().rows);
  const auto flat = flat_of(vectors, removed);
  EXPECT_GE(measure(*opened, *flat, queries, 40).recall, measure(*index, *flat, queries, 40).recall - 0.01);
}

/// The same calls give the same graph, whatever the threads.
TEST(InPlaceDeletes, AreDeterministicWhereThatIsAskedFor) {
  const Vectors vectors = clustered_vectors(3000, kDim, 20, test_seed(77));
  std::vector<std::vector<Neighbor>> first;
  for (const size_t threads : {0, 1, 3}) {
    ThreadPool pool(threads == 0 ? 1 : threads);
    const IndexSpec spec =
        spec_of("vamana", Metric::kL2, kDim, {{"deterministic", "true"}}, threads == 0 ? nullptr : &pool);
    const auto index = build(spec, vectors);
    for (Row row = 0; row < 3000; row += 2) ASSERT_OK(index->remove(row));
    ASSERT_GT(std::ranges::count_if(first_rows(3000), [&](Row row) { return graph_of(*index).left(row); }),
              1000);
    std::vector<std::vector<Neighbor>> answers;
    for (size_t i = 0; i < 100; ++i) {
      SearchRequest request;
      request.query = vectors[i];
      ASSERT_VALUE(answer, index->search(request));
      answers.push_back(answer.neighbors);
    }
    if (first.empty()) first = answers;
    for (size_t i = 0; i < answers.size(); ++i)
      for (size_t j = 0; j < answers[i].size(); ++j) ASSERT_EQ(answers[i][j].row, first[i][j].row) << threads;
  }
}

/// Consolidation holds what in-place deletes hold; where nothing takes the place of what left, recall decays,
/// or this data would tell nothing.
TEST(InPlaceDeletes, AreNotTheOnlyWayAndSomeWayIsNeeded) {
  constexpr size_t kRows = 8000, kStep = 600, kCycles = 10;
  const auto [vectors, queries] =
      rows_and_queries(clustered_vectors(kRows + 200, kDim, 3, test_seed(81)), 200);
  std::map<std::string, double> recall;
  for (const char* deletes : {"in-place", "consolidate", "drop"}) {
    const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"deletes", deletes}});
    const auto index = build(spec, vectors);
    std::vector<bool> removed(vectors.rows);
    Random random(test_seed(82));
    for (size_t cycle = 0; cycle < kCycles; ++cycle) {
      for (size_t gone = 0; gone < kStep;) {
        const size_t row = random.below(kRows);
        if (removed[row]) continue;
        removed[row] = true;
        ++gone;
        ASSERT_OK(index->remove(static_cast<Row>(row)));
      }
      settle(*index, spec);
      ASSERT_VALUE(audit, audit_graph(*index));
      ASSERT_EQ(audit.unreachable, 0u) << deletes;
    }
    recall[deletes] = measure(*index, *flat_of(vectors, removed), queries, 20).recall;
    std::printf("%s: recall %.3f\n", deletes, recall[deletes]);
  }
  EXPECT_GE(recall["in-place"], recall["consolidate"] - 0.015);
  EXPECT_LT(recall["drop"], recall["in-place"] - 0.08);
}

TEST(InPlaceDeletes, KeepThemWhereAsked) {
  const Vectors vectors = clustered_vectors(2000, kDim, 20, test_seed(78));
  const IndexSpec spec = spec_of("vamana", Metric::kL2, kDim, {{"deletes", "keep"}});
  const auto index = build(spec, vectors);
  for (Row row = 0; row < 1000; ++row) ASSERT_OK(index->remove(row));
  settle(*index, spec);
  for (Row row = 0; row < 1000; ++row) ASSERT_FALSE(graph_of(*index).left(row));
  EXPECT_FALSE(create_index(spec_of("vamana", Metric::kL2, kDim, {{"deletes", "later"}})).ok());
  EXPECT_FALSE(
      create_index(spec_of("vamana", Metric::kL2, kDim, {{"deletes", "in-place"}, {"labels", "nested"}}))
          .ok());
}

/// Rows that nobody removes are found all the time, while others come and go and checkpoints are taken.
TEST(DeleteConcurrency, SearchesMissNothingMeanwhile) {
  constexpr size_t kRows = 4000;
  const Vectors vectors = clustered_vectors(kRows, 16, 20, test_seed(79));
  const std::vector<Row> rows = first_rows(kRows);
  for (const char* kind : {"vamana", "hnsw"}) {
    ThreadPool pool(2);
    const IndexSpec spec = spec_of(kind, Metric::kL2, 16, {}, &pool);
    ASSERT_VALUE(index, create_index(spec));
    ASSERT_OK(index->add(std::span(rows).first(1000), part(vectors, 0, 1000)));
    settle(*index, spec);
    std::atomic<bool> done{false};
    std::atomic<size_t> missed{0}, gone{0};
    std::vector<std::atomic<bool>> removed(kRows);
    const auto search = [&](uint64_t seed) {
      Random random(seed);
      while (!done) {
        const size_t row = 4 * random.below(250);  // these stay
        SearchRequest request;
        request.query = {reinterpret_cast<const std::byte*>(&vectors.data[row * 16]), ScalarType::kF32, 16};
        request.k = 3;
        std::vector<bool> before(kRows);
        for (size_t i = 0; i < kRows; ++i) before[i] = removed[i].load();
        const auto answer = index->search(request);
        if (!answer.ok() || answer->neighbors.empty() || answer->neighbors[0].distance != 0) {
          ++missed;
          continue;
        }
        for (const Neighbor& neighbor : answer->neighbors) gone += before[neighbor.row];
      }
    };
    std::thread one(search, 1), two(search, 2);
    std::thread saver([&] {
      while (!done) {
        MemoryFileSystem fs;
        CheckpointDirectory directory(fs);
        if (!directory.write(*index).ok()) ADD_FAILURE();
        const auto opened = find_index_kind(kind).value()->open(directory, {});
        if (!opened) ADD_FAILURE() << opened.error().message;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));  // nodes are used again in between
      }
    });
    for (size_t end = 1000; end < kRows - 100; end += 100) {
      EXPECT_OK(index->add(std::span(rows).subspan(end, 100), part(vectors, end, 100)));
      for (size_t i = end - 1000; i < end - 900; ++i) {
        if (i % 4 == 0) continue;
        EXPECT_OK(index->remove(static_cast<Row>(i)));
        removed[i] = true;
      }
      if (end % 600 == 0) settle(*index, spec);
    }
    settle(*index, spec);
    done = true;
    one.join();
    two.join();
    saver.join();
    EXPECT_EQ(missed, 0u) << kind;
    EXPECT_EQ(gone, 0u) << kind;
    settle(*index, spec);
    ASSERT_VALUE(audit, audit_graph(*index));
    EXPECT_EQ(audit.unreachable, 0u) << kind;
    EXPECT_EQ(audit.nodes, index->stats().rows) << kind;
    EXPECT_LT(dynamic_cast<const GraphIndex&>(*index).rows().size(), kRows)
        << kind << ": none was used again";
  }
}

}  // namespace
}  // namespace kith::test
