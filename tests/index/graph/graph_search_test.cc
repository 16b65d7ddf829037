// Goal: searches find what they should for less than a scan's work, filtered ones never come back short,
// options and effort do what they say. Method: clustered sets against the flat kind; counters bound the work.
#include <thread>

#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

TEST(GraphSearch, RecallOnClusters100k_slow) {
  const uint64_t seed = test_seed(31);
  SCOPED_TRACE("KITH_SEED=" + std::to_string(seed));
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(100'200, 32, 100, seed), 200);
  ThreadPool pool(std::thread::hardware_concurrency());
  const auto index = build(spec_of("hnsw", Metric::kL2, 32, {}, &pool), vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  const Measured found = measure(*index, *flat, queries, 64);
  EXPECT_GE(found.recall, 0.95);
  EXPECT_LE(found.distances, 0.03 * 100'000);
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
}

TEST(GraphSearch, EffortBuysRecall) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(10'100, 32, 40, test_seed(32)), 100);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kInnerProduct}) {
    const auto index = build(spec_of("hnsw", metric, 32, {{"ef", "200"}}), vectors);
    const auto flat = build(spec_of("flat", metric, 32), vectors);
    const Measured low = measure(*index, *flat, queries, 10);
    const Measured high = measure(*index, *flat, queries, 200);
    const Measured standard = measure(*index, *flat, queries, 0);
    EXPECT_LT(low.recall, high.recall) << metric_name(metric);
    EXPECT_LT(2 * low.distances, high.distances);
    EXPECT_GE(high.recall, 0.98);
    EXPECT_LE(high.distances, 0.35 * 10'000);
    EXPECT_EQ(standard.distances, high.distances) << "effort 0 is option ef";
  }
}

TEST(GraphSearch, LessEffortThanKFillsTheAnswerForLess) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(10'050, 32, 40, test_seed(35)), 50);
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  for (const char* kind : {"hnsw", "vamana"}) {
    SCOPED_TRACE(kind);
    const auto index = build(spec_of(kind, Metric::kL2, 32), vectors);
    double recall[2] = {}, hops[2] = {}, standard_hops = 0;
    for (size_t i = 0; i < queries.rows; ++i) {
      SearchRequest request;
      request.query = queries[i];
      request.k = 100;
      ASSERT_VALUE(truth, flat->search(request));
      for (const int few : {0, 1}) {
        request.effort = few == 1 ? 10 : 100;
        ASSERT_VALUE(answer, index->search(request));
        ASSERT_EQ(answer.neighbors.size(), 100u);
        EXPECT_TRUE(std::is_sorted(answer.neighbors.begin(), answer.neighbors.end()));
        hops[few] += static_cast<double>(answer.stats.hops);
        for (const Neighbor& neighbor : answer.neighbors)
          recall[few] += neighbor.distance <= truth.neighbors.back().distance * 1.00001f;
      }
      request.effort = 0;
      ASSERT_VALUE(standard, index->search(request));
      standard_hops += static_cast<double>(standard.stats.hops);
    }
    EXPECT_GE(standard_hops, 0.95 * hops[0]) << "the kind's default is never below k";
    EXPECT_LT(hops[1], hops[0] / 3);
    EXPECT_GE(recall[1] / (100.0 * static_cast<double>(queries.rows)), 0.5);
    EXPECT_GT(recall[0], recall[1]);
  }
}

TEST(GraphSearch, OptionsChangeTheGraph) {
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(5100, 32, 40, test_seed(33)), 100);
  const auto flat = build(spec_of("flat", Metric::kL2, 32), vectors);
  const IndexOptions narrow = {{"ef_construction", "20"}};
  const auto bare = build(spec_of("hnsw", Metric::kL2, 32, narrow), vectors);
  const double plain = measure(*bare, *flat, queries, 20).distances;
  for (const char* option : {"keep_pruned", "extend_candidates"}) {
    const auto index = build(spec_of("hnsw", Metric::kL2, 32, {narrow[0], {option, "true"}}), vectors);
    const Measured found = measure(*index, *flat, queries, 40);
    EXPECT_GE(found.recall, 0.8) << option;
    EXPECT_NE(measure(*index, *flat, queries, 20).distances, plain) << option;
  }
  for (const IndexOptions& wrong : {IndexOptions{{"m", "1"}},
                                    {{"m", "x"}},
                                    {{"m", "16"}, {"m", "8"}},
                                    {{"ef", "-1"}},
                                    {{"keep_pruned", "yes"}},
                                    {{"pending_max", "0"}},
                                    {{"M", "16"}}})
    EXPECT_ERROR(create_index(spec_of("hnsw", Metric::kL2, 32, wrong)), Code::kInvalidArgument,
                 wrong.back().first);
}

TEST(GraphSearch, FiltersAreExactEnoughAndNeverShort) {
  const uint64_t seed = test_seed(34);
  const auto [vectors, queries] = rows_and_queries(clustered_vectors(20'050, 24, 50, seed), 50);
  const auto index = build(spec_of("hnsw", Metric::kL2, 24), vectors);
  const auto flat = build(spec_of("flat", Metric::kL2, 24), vectors);
  Random random(seed);
  for (const double share : {0.9, 0.5, 0.2, 0.05, 0.01, 0.0003}) {
    RowSet allowed;
    for (Row row = 0; row < 20'000; ++row)
      if (random.uniform() < share) allowed.add(row);
    double hits = 0, wanted = 0;
    for (size_t i = 0; i < queries.rows; ++i) {
      SearchRequest request;
      request.query = queries[i];
      request.effort = 80;
      request.allowed = &allowed;
      const auto truth = flat->search(request);
      const auto answer = index->search(request);
      ASSERT_OK(truth);
      ASSERT_OK(answer);
      ASSERT_EQ(answer->neighbors.size(), std::min<uint64_t>(10, allowed.size()));
      wanted += static_cast<double>(truth->neighbors.size());
      for (const Neighbor& neighbor : answer->neighbors) {
        EXPECT_TRUE(allowed.contains(neighbor.row));
        hits += neighbor.distance <= truth->neighbors.back().distance;
      }
      EXPECT_LT(answer->stats.full_distances, 13'000u) << "share " << share;
    }
    EXPECT_GE(hits / wanted, 0.95) << "share " << share;
  }
}

TEST(GraphSearch, FilterFarFromTheQueryStillFillsTheAnswer) {
  // The query sits in cluster 0; only the far half of the clusters is allowed, too many rows for the scan at
  // once.
  const Vectors vectors = clustered_vectors(12'000, 8, 40, test_seed(35));
  const auto index = build(spec_of("hnsw", Metric::kL2, 8), vectors);
  RowSet allowed;
  for (Row row = 0; row < 12'000; ++row)
    if (row % 40 >= 20) allowed.add(row);
  for (size_t i = 0; i < 40; ++i) {
    SearchRequest request;
    request.query = vectors[i];
    request.allowed = &allowed;
    request.k = 30;
    const auto answer = index->search(request);
    ASSERT_OK(answer);
    EXPECT_EQ(answer->neighbors.size(), 30u);
    for (const Neighbor& neighbor : answer->neighbors) EXPECT_TRUE(allowed.contains(neighbor.row));
  }
}

/// A radius holds many times what the beam does; the answer is bounded by the radius alone, and its cost by
/// what lies in it.
TEST(GraphSearch, ARadiusWiderThanTheBeamIsSearchedToItsRim) {
  constexpr size_t kRows = 20'000;
  const Vectors vectors = clustered_vectors(kRows, 16, 10, test_seed(31));  // 2,000 rows a cluster
  const auto flat = build(spec_of("flat", Metric::kL2, 16), vectors);
  const auto index = build(spec_of("hnsw", Metric::kL2, 16), vectors);
  RowSet even;
  for (Row row = 0; row < kRows; row += 2) even.add(row);
  const RowSet* filters[] = {nullptr, &even};
  for (const RowSet* allowed : filters) {
    for (size_t query = 0; query < 10; ++query) {
      SearchRequest nearest;
      nearest.query = vectors[query];
      nearest.k = 800;
      nearest.allowed = allowed;
      ASSERT_VALUE(exact, flat->search(nearest));
      RangeRequest request;
      request.query = vectors[query];
      request.radius = exact.neighbors.back().distance;
      request.rows_max = 10'000;
      request.allowed = allowed;
      ASSERT_VALUE(answer, find_index_kind("hnsw").value()->range_search(*index, request));
      EXPECT_GE(answer.neighbors.size(), 776u) << "recall below .97";
      EXPECT_LE(answer.neighbors.size(), 800u);
      EXPECT_LT(answer.stats.full_distances, kRows) << "dearer than a scan";
    }
  }
}

TEST(GraphSearch, StopsAtTheDeadlineAndWhenCancelled) {
  const Vectors vectors = normal_vectors(5000, 16, test_seed(36));
  const auto index = build(spec_of("hnsw", Metric::kL2, 16), vectors);
  SearchRequest request;
  request.query = vectors[0];
  request.effort = 5000;
  static std::atomic<int> asked{0};
  asked = 0;
  request.stop.cancelled = [](const void*) { return ++asked > 2; };  // in the middle of the walk
  EXPECT_ERROR(index->search(request), Code::kCancelled, "cancelled");
}

TEST(GraphSearch, ZeroVectorsUnderCosineAreAtDistanceOne) {
  Vectors vectors = normal_vectors(2000, 16, test_seed(37));
  for (size_t i = 0; i < 2000; i += 100)
    std::fill_n(vectors.data.begin() + static_cast<ptrdiff_t>(i * 16), 16, 0.0f);
  const auto index = build(spec_of("hnsw", Metric::kCosine, 16), vectors);
  SearchRequest request;
  request.query = vectors[0];
  const auto answer = index->search(request);
  ASSERT_OK(answer);
  for (const Neighbor& neighbor : answer->neighbors) EXPECT_EQ(neighbor.distance, 1.0f);
  request.query = vectors[1];
  request.k = 2000;
  const auto all = index->search(request);
  ASSERT_OK(all);
  ASSERT_EQ(all->neighbors.size(), 2000u);
  for (const Neighbor& neighbor : all->neighbors) {
    if (neighbor.row % 100 != 0) continue;
    EXPECT_EQ(neighbor.distance, 1.0f);
  }
}

}  // namespace
}  // namespace kith::test
