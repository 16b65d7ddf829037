// Goal: graphs that walk and link on codes answer as well as those on full vectors, in exact distances, on
// any data and types, from the row on at which codes come in. Method: the same rows with and without codes at
// equal effort, against the flat kind; sets with vectors that are huge, infinite or not numbers.
#include <cmath>
#include <thread>

#include "base/row_set.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"

namespace kith::test {
namespace {

const GraphStore& graph_of(const Index& index) {
  return dynamic_cast<const GraphIndex&>(index).graph();
}

SearchRequest asking(const VectorView& query, uint32_t k = 10, uint32_t effort = 100) {
  SearchRequest request;
  request.query = query;
  request.k = k;
  request.effort = effort;
  return request;
}

/// Distances are those that the flat kind gives for the same rows.
void expect_exact(const SearchAnswer& answer, const Index& flat, const VectorView& query) {
  RowSet rows;
  for (const Neighbor& neighbor : answer.neighbors) rows.add(neighbor.row);
  SearchRequest request = asking(query, static_cast<uint32_t>(answer.neighbors.size()));
  request.allowed = &rows;
  ASSERT_VALUE(exact, flat.search(request));
  ASSERT_EQ(exact.neighbors.size(), answer.neighbors.size());
  for (const Neighbor& neighbor : answer.neighbors) {
    const auto same = std::find_if(exact.neighbors.begin(), exact.neighbors.end(),
                                   [&](const Neighbor& n) { return n.row == neighbor.row; });
    ASSERT_NE(same, exact.neighbors.end());  // kernels add up in another order in other groups of rows
    EXPECT_NEAR(same->distance, neighbor.distance, 1e-5f * std::abs(same->distance) + 1e-6f);
  }
}

class CodedRecall : public testing::TestWithParam<Metric> {};

TEST_P(CodedRecall, OfFullVectorsForAFewOfThem) {
  constexpr uint32_t kDim = 96;
  const auto set = rows_and_queries(clustered_vectors(20'200, kDim, 200, test_seed(91)), 200);
  const Vectors &rows = set.first, &queries = set.second;
  ThreadPool pool(2);
  const auto flat = build(spec_of("flat", GetParam(), kDim), rows);
  const auto built = [&](const char* codes) {
    return build(spec_of("vamana", GetParam(), kDim, {{"codes", codes}, {"ef_construction", "64"}}, &pool),
                 rows);
  };
  const auto coded = built("rabitq4"), full = built("none");
  ASSERT_EQ(graph_of(*full).codes(), nullptr);
  for (const uint32_t effort : {20u, 100u}) {
    const Measured on_codes = measure(*coded, *flat, queries, effort);
    const Measured on_vectors = measure(*full, *flat, queries, effort);
    std::printf("effort %u: codes %.4f for %.0f + %.0f, vectors %.4f for %.0f distances\n", effort,
                on_codes.recall, on_codes.codes, on_codes.distances, on_vectors.recall, on_vectors.distances);
    EXPECT_GE(on_codes.recall, on_vectors.recall - (effort < 50 ? 0.05 : 0.01)) << "effort " << effort;
    EXPECT_GT(on_codes.codes, 100);
    EXPECT_LE(on_codes.codes, 1.15 * on_vectors.distances + Landmarks::kMax) << "the walk is to be no longer";
    EXPECT_LE(on_codes.distances, 40) << "at most 4 k to rank again";
    EXPECT_EQ(on_vectors.codes, 0);
  }
  for (size_t i = 0; i < queries.rows; i += 10) {
    ASSERT_VALUE(answer, coded->search(asking(queries[i])));
    expect_exact(answer, *flat, queries[i]);
  }
  EXPECT_EQ(coded->memory().vector_bytes, full->memory().vector_bytes);
  const uint64_t code_bytes = 20'000 * graph_of(*coded).codes()->code().bytes();
  const uint64_t lists = 20'000 * (graph_of(*coded).base().bytes() - graph_of(*full).base().bytes());
  EXPECT_GE(coded->memory().structure_bytes, full->memory().structure_bytes + code_bytes + lists);
  ASSERT_VALUE(audit, audit_graph(*coded));
  EXPECT_EQ(audit.unreachable, 0u);

  // Filters, and removed rows where the walk ends: the nearest of every query go, too few for a filter.
  RowSet some;
  for (Row row = 0; row < 20'000; row += 4) some.add(row);
  size_t hits = 0;
  for (size_t i = 0; i < queries.rows; ++i) {
    SearchRequest request = asking(queries[i], 10, 50);
    request.allowed = &some;
    ASSERT_VALUE(answer, coded->search(request));
    ASSERT_VALUE(truth, flat->search(request));
    ASSERT_EQ(answer.neighbors.size(), 10u);
    ASSERT_GT(answer.stats.code_distances, 0u);
    for (const Neighbor& neighbor : answer.neighbors) {
      EXPECT_TRUE(some.contains(neighbor.row));
      hits += neighbor.distance <= truth.neighbors.back().distance;
    }
  }
  EXPECT_GE(hits, 1900u) << "of 2,000 filtered";
  size_t removed = 0;
  for (size_t i = 0; i < queries.rows && removed < 1100; ++i) {
    ASSERT_VALUE(answer, flat->search(asking(queries[i])));
    for (const Neighbor& neighbor : answer.neighbors) {
      ASSERT_OK(flat->remove(neighbor.row));
      ASSERT_OK(coded->remove(neighbor.row));
      ++removed;
    }
  }
  ASSERT_LT(removed, 20'000u / 16);
  const Measured left = measure(*coded, *flat, queries, 100);
  std::printf("removed heads: recall %.4f, %.0f + %.0f distances\n", left.recall, left.codes, left.distances);
  EXPECT_GE(left.recall, 0.95);
  EXPECT_LE(left.distances, 100);
}

INSTANTIATE_TEST_SUITE_P(Metrics, CodedRecall,
                         testing::Values(Metric::kL2, Metric::kInnerProduct, Metric::kCosine),
                         [](const auto& metric) { return std::string(metric_name(metric.param)); });

/// 4,096 rows bring the codes, however they come; rows after that are found as well as those before.
TEST(CodedWalk, CodesComeWithTheRowsToTrainOn) {
  constexpr uint32_t kDim = 64;
  const Vectors vectors = clustered_vectors(6000, kDim, 40, test_seed(92));
  const std::vector<Row> rows = first_rows(6000);
  ThreadPool pool(2);
  for (ThreadPool* with : {static_cast<ThreadPool*>(nullptr), &pool}) {
    for (const char* deterministic : {"false", "true"}) {
      for (const size_t step : {6000u, 4095u, 700u}) {
        SCOPED_TRACE(std::string(deterministic) + ", steps of " + std::to_string(step));
        ASSERT_VALUE(
            index,
            create_index(spec_of(
                "vamana", Metric::kL2, kDim,
                {{"codes", "rabitq8"}, {"ef_construction", "40"}, {"deterministic", deterministic}}, with)));
        for (size_t first = 0; first < 6000; first += step) {
          const size_t count = std::min(step, 6000 - first);
          ASSERT_OK(index->add(std::span(rows).subspan(first, count), part(vectors, first, count)));
          EXPECT_EQ(graph_of(*index).codes() != nullptr, first + count >= 4096) << "rows " << first + count;
        }
        ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
        size_t found = 0, codes = 0, full = 0;
        for (size_t i = 0; i < 6000; i += 3) {
          ASSERT_VALUE(answer, index->search(asking(vectors[i], 1, 64)));
          found += answer.neighbors.at(0).row == i;
          codes += answer.stats.code_distances;
          full += answer.stats.full_distances;
        }
        EXPECT_GE(found, 1994u) << "of 2,000";
        EXPECT_GT(codes, 2000u * 100);
        EXPECT_LT(full, 2000u * 40) << "of a k of 1: searches fell back to scanning";
      }
    }
  }
}

/// Rows removed before they are linked have no code, and nothing may lead to them.
TEST(CodedWalk, RowsRemovedBeforeLinkingAreNowhere) {
  constexpr uint32_t kDim = 48;
  Vectors vectors = clustered_vectors(6000, kDim, 30, test_seed(93));
  for (size_t i = 3000; i < 3400; ++i)  // some equal to removed ones, some to each other
    std::copy_n(vectors.row(i % 200), kDim, vectors.data.begin() + static_cast<ptrdiff_t>(i * kDim));
  std::atomic<bool> go{false};
  ThreadPool pool(1);
  pool.submit([&] {
    while (!go) std::this_thread::yield();
  });
  ASSERT_VALUE(index, create_index(spec_of("vamana", Metric::kL2, kDim,
                                           {{"codes", "rabitq4"}, {"ef_construction", "40"}}, &pool)));
  ASSERT_OK(index->add(first_rows(6000), vectors.block()));
  ASSERT_NE(graph_of(*index).codes(), nullptr);
  for (Row row = 0; row < 300; row += 2) ASSERT_OK(index->remove(row));
  go = true;
  ASSERT_OK(find_index_kind("vamana").value()->settle(*index, Stop{}));
  ASSERT_VALUE(audit, audit_graph(*index));
  EXPECT_EQ(audit.unreachable, 0u);
  for (Row row = 0; row < 6000; row += 5) {
    ASSERT_VALUE(answer, index->search(asking(vectors[row], 3, 64)));
    ASSERT_EQ(answer.neighbors.size(), 3u);
    const bool gone = row < 300 && row % 2 == 0;
    const bool twins = row < 200 || (row >= 3000 && row < 3400);
    for (const Neighbor& neighbor : answer.neighbors)
      EXPECT_FALSE(neighbor.row < 300 && neighbor.row % 2 == 0) << "removed row " << neighbor.row;
    if (!gone || twins) {
      EXPECT_EQ(answer.neighbors[0].distance, 0.0f) << "row " << row;
    }
  }
}

struct Forced {
  const char* codes;
  uint32_t dim;
  ScalarType type;
  Metric metric;
  double recall;  // at effort 100, 5,000 rows
};

/// Codes where they are no default: every number of bits, few dimensions, all types.
TEST(CodedWalk, CodesOfAllBitsDimensionsAndTypes) {
  constexpr size_t kRows = 5000, kQueries = 50;
  using enum ScalarType;
  for (const Forced& forced : {
           Forced{"rabitq8", 1, kF32, Metric::kL2, 0.90},
           {"rabitq1", 2, kF32, Metric::kL2, 0.30},
           {"rabitq6", 3, kF32, Metric::kL2, 0.85},
           {"rabitq2", 33, kF32, Metric::kL2, 0.80},
           {"rabitq1", 64, kF32, Metric::kInnerProduct, 0.75},
           {"rabitq5", 17, kF32, Metric::kCosine, 0.95},
           {"rabitq7", 65, kF32, Metric::kCosine, 0.97},
           {"rabitq4", 40, kF16, Metric::kL2, 0.95},
           {"rabitq3", 40, kBF16, Metric::kInnerProduct, 0.90},
           {"rabitq4", 40, kU8, Metric::kL2, 0.95},
           {"rabitq4", 40, kI8, Metric::kL2, 0.95},
           {"rabitq4", 40, kI8, Metric::kInnerProduct, 0.95},
       }) {
    SCOPED_TRACE(std::string(forced.codes) + ", dim " + std::to_string(forced.dim) + ", " +
                 std::string(scalar_name(forced.type)) + ", " + std::string(metric_name(forced.metric)));
    Vectors source = clustered_vectors(kRows + kQueries, forced.dim, 30, test_seed(94));
    for (float& x : source.data) {
      if (forced.type == kU8) x = std::round(std::clamp(x * 40 + 128, 0.0f, 255.0f));
      if (forced.type == kI8) x = std::round(std::clamp(x * 40, -127.0f, 127.0f));
    }
    const size_t bytes = vector_bytes(forced.type, forced.dim);
    std::vector<std::byte> stored(kRows * bytes);
    ASSERT_OK(from_f32(source.data.data(), kRows * forced.dim, forced.type, stored.data()));
    const VectorBlock block{stored.data(), forced.type, forced.dim, kRows};
    IndexSpec spec =
        spec_of("vamana", forced.metric, forced.dim, {{"codes", forced.codes}, {"ef_construction", "60"}});
    spec.type = forced.type;
    ASSERT_VALUE(index, create_index(spec));
    spec.kind = "flat";
    spec.options.clear();
    ASSERT_VALUE(flat, create_index(spec));
    ASSERT_OK(index->add(first_rows(kRows), block));
    ASSERT_OK(flat->add(first_rows(kRows), block));
    size_t hits = 0, codes = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      const ScalarType type = query_type(forced.type);
      std::vector<std::byte> query(vector_bytes(type, forced.dim));
      ASSERT_OK(from_f32(source.row(kRows + i), forced.dim, type, query.data()));
      const VectorView view{query.data(), type, forced.dim};
      ASSERT_VALUE(answer, index->search(asking(view)));
      ASSERT_VALUE(truth, flat->search(asking(view)));
      ASSERT_EQ(answer.neighbors.size(), 10u);
      expect_exact(answer, *flat, view);
      codes += answer.stats.code_distances;
      for (const Neighbor& neighbor : answer.neighbors)
        hits += neighbor.distance <= truth.neighbors.back().distance;
    }
    const double recall = static_cast<double>(hits) / (10.0 * kQueries);
    EXPECT_GE(recall, forced.recall);
    EXPECT_GT(codes, kQueries * 50u);
    ASSERT_VALUE(audit, audit_graph(*index));
    EXPECT_EQ(audit.unreachable, 0u);
    std::printf("%s dim %u %s %s: recall %.3f\n", forced.codes, forced.dim,
                std::string(scalar_name(forced.type)).c_str(),
                std::string(metric_name(forced.metric)).c_str(), recall);
  }
}

/// Every kind takes codes: those that are built at once as well.
TEST(CodedWalk, EveryGraphKindWalksOnCodes) {
  constexpr uint32_t kDim = 64;
  const auto set = rows_and_queries(clustered_vectors(5050, kDim, 40, test_seed(95)), 50);
  const Vectors &rows = set.first, &queries = set.second;
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  ThreadPool pool(2);
  for (const IndexKind* kind : index_kinds()) {
    if (std::string_view(kind->name) == "flat") continue;
    SCOPED_TRACE(kind->name);
    const auto index = build(spec_of(kind->name, Metric::kL2, kDim, {{"codes", "rabitq4"}}, &pool), rows);
    const Measured found = measure(*index, *flat, queries, 100);
    const bool no_landmarks = std::string_view(kind->name).ends_with("sg");
    EXPECT_GE(found.recall, no_landmarks ? 0.75 : 0.95);  // nsg, nssg: .88 and .78 on vectors, for clusters
    EXPECT_GT(found.codes, 100);
    EXPECT_LE(found.distances, 50);
  }
}

/// Vectors that no number can tell from infinitely far, and ones that are just very long, among the rows that
/// codes are trained on and after: the others are found as if these were not there.
TEST(CodedWalk, BadVectorsSpoilNoOthers) {
  constexpr uint32_t kDim = 64;
  const auto set = rows_and_queries(clustered_vectors(6100, kDim, 40, test_seed(96)), 100);
  const Vectors& queries = set.second;
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       3e38f,
                       1e19f,
                       1e6f,
                       0.0f};
  for (const Metric metric : {Metric::kL2, Metric::kInnerProduct, Metric::kCosine}) {
    SCOPED_TRACE(metric_name(metric));
    Vectors rows = set.first;
    const bool lengths_count = metric == Metric::kInnerProduct;
    for (size_t i = 50; i < rows.rows; i += 150) {
      float value = bad[i / 150 % std::size(bad)];
      if (metric == Metric::kCosine && std::isinf(value)) value = bad[0];  // has no direction, nor a distance
      const bool all = i / 150 % 2 == 0;
      // Long ones would be nearest of all by inner product; they get a direction no query has.
      for (uint32_t d = 0; d < (all && !lengths_count ? kDim : 1); ++d)
        rows.data[i * kDim + d] = lengths_count ? -std::abs(value) : value;
    }
    Vectors asked = queries;
    if (lengths_count)
      for (size_t i = 0; i < asked.rows; ++i) asked.data[i * kDim] = std::abs(asked.data[i * kDim]) + 0.1f;
    const auto flat = build(spec_of("flat", metric, kDim), rows);
    const auto index =
        build(spec_of("vamana", metric, kDim, {{"codes", "rabitq4"}, {"ef_construction", "60"}}), rows);
    ASSERT_NE(graph_of(*index).codes(), nullptr);
    const Measured found = measure(*index, *flat, asked, 100);
    std::printf("%s: recall %.4f, %.0f + %.0f distances\n", std::string(metric_name(metric)).c_str(),
                found.recall, found.codes, found.distances);
    EXPECT_GE(found.recall, 0.97);
    EXPECT_LE(found.distances, 60) << "searches fell back to scanning";
    ASSERT_VALUE(audit, audit_graph(*index));
    EXPECT_EQ(audit.unreachable, 0u);
  }
}

TEST(CodedWalk, AQueryThatIsNotANumberIsAnswered) {
  constexpr uint32_t kDim = 64;
  const Vectors rows = clustered_vectors(4500, kDim, 20, test_seed(97));
  const auto index =
      build(spec_of("vamana", Metric::kL2, kDim, {{"codes", "rabitq4"}, {"ef_construction", "40"}}), rows);
  const auto flat = build(spec_of("flat", Metric::kL2, kDim), rows);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                            3e38f, 1e19f, 1e6f}) {
    std::vector<float> query(kDim, value);
    const VectorView view{reinterpret_cast<const std::byte*>(query.data()), ScalarType::kF32, kDim};
    ASSERT_VALUE(answer, index->search(asking(view)));
    ASSERT_VALUE(truth, flat->search(asking(view)));
    EXPECT_EQ(answer.neighbors.size(), truth.neighbors.size()) << value;
    for (const Neighbor& neighbor : answer.neighbors) EXPECT_LT(neighbor.row, 4500u);
  }
}

TEST(CodedWalk, RefusesCodesThatAreNone) {
  for (const char* wrong : {"rabitq", "rabitq0", "rabitq9", "rabitq44", "pq", "None"})
    EXPECT_ERROR(create_index(spec_of("vamana", Metric::kL2, 8, {{"codes", wrong}})), Code::kInvalidArgument,
                 "rabitq1 to rabitq8");
  for (const char* kind : {"vamana", "hnsw", "nsg"}) {
    IndexSpec spec = spec_of(kind, Metric::kCosine, 64, {{"codes", "rabitq4"}});
    spec.type = ScalarType::kF16;
    EXPECT_ERROR(create_index(spec), Code::kInvalidArgument, "codes");
    spec.options = {{"codes", "none"}};
    EXPECT_OK(create_index(spec));
    spec.options.clear();
    EXPECT_OK(create_index(spec));
    spec.metric = Metric::kHamming;
    spec.type = ScalarType::kBit;
    EXPECT_OK(create_index(spec));
    spec.options = {{"codes", "rabitq1"}};
    EXPECT_ERROR(create_index(spec), Code::kInvalidArgument, "codes");
  }
}

}  // namespace
}  // namespace kith::test
