// What tests of labels share: rows with labels, the plain answer to a query, and its comparison.
#pragma once

#include <set>

#include "base/io/memory_file_system.h"
#include "index/graph/graph_index.h"
#include "tests/index/graph/graph_support.h"
#include "tests/support/seed.h"

namespace kith::test {

/// Labels 1..count, label i with probability .7 / i (the generator of Filtered-DiskANN): some rows have none.
inline std::vector<LabelSet> zipf_labels(size_t rows, Label count, Random& random) {
  std::vector<LabelSet> out(rows);
  for (LabelSet& set : out)
    for (Label label = 1; label <= count; ++label)
      if (random.uniform() < 0.7 / label) set.push_back(label);
  return out;
}

inline bool carries(const LabelSet& set, Label label) {
  return std::binary_search(set.begin(), set.end(), label);
}

inline bool matches(const LabelSet& set, const LabelQuery& query) {
  if (query.match == LabelMatch::kEqual) return set == query.labels;
  if (query.match == LabelMatch::kAll) return std::ranges::includes(set, query.labels);
  return std::ranges::any_of(query.labels, [&](Label label) { return carries(set, label); });
}

inline RowSet rows_matching(const std::vector<LabelSet>& labels, const LabelQuery& query) {
  RowSet rows;
  for (size_t row = 0; row < labels.size(); ++row)
    if (matches(labels[row], query)) rows.add(static_cast<Row>(row));
  return rows;
}

inline LabelQuery any_of(LabelSet labels) {
  return {LabelMatch::kAny, std::move(labels)};
}

inline Result<void> add_labeled(Index& index, const Vectors& vectors, const std::vector<LabelSet>& labels,
                                size_t first, size_t count) {
  std::vector<Row> rows(count);
  std::iota(rows.begin(), rows.end(), static_cast<Row>(first));
  return find_index_kind("vamana").value()->add_labeled(index, rows, part(vectors, first, count),
                                                        std::span(labels).subspan(first, count));
}

/// Built and settled.
inline std::unique_ptr<Index> build_labeled(const IndexSpec& spec, const Vectors& vectors,
                                            const std::vector<LabelSet>& labels) {
  std::unique_ptr<Index> index = create_index(spec).value();
  EXPECT_OK(add_labeled(*index, vectors, labels, 0, vectors.rows));
  EXPECT_OK(find_index_kind(spec.kind).value()->settle(*index, Stop{}));
  return index;
}

inline SearchRequest asking(const LabelQuery& labels, FilterPlan plan, VectorView query, uint32_t k = 10,
                            uint32_t effort = 64) {
  SearchRequest request;
  request.query = query;
  request.k = k;
  request.effort = effort;
  request.labels = &labels;
  request.plan = plan;
  return request;
}

inline constexpr FilterPlan kAllPlans[] = {FilterPlan::kAuto,   FilterPlan::kScan,   FilterPlan::kCodeScan,
                                           FilterPlan::kInline, FilterPlan::kTwoHop, FilterPlan::kPost,
                                           FilterPlan::kLabels};

/// `flat` holds the same rows, of which the same were removed; `allowed` those that match.
inline void expect_kept(const Index& index, const Index& flat, SearchRequest request, const RowSet& allowed) {
  ASSERT_VALUE(answer, index.search(request));
  request.labels = nullptr;
  request.allowed = &allowed;
  ASSERT_VALUE(truth, flat.search(request));
  ASSERT_EQ(answer.neighbors.size(), truth.neighbors.size());
  RowSet seen;
  for (const Neighbor& neighbor : answer.neighbors) {
    EXPECT_TRUE(allowed.contains(neighbor.row)) << "row " << neighbor.row;
    EXPECT_FALSE(seen.contains(neighbor.row)) << "row " << neighbor.row << " twice";
    seen.add(neighbor.row);
  }
  request.allowed = &seen;  // that they are live, and their distances
  ASSERT_VALUE(exact, flat.search(request));
  ASSERT_EQ(exact.neighbors.size(), answer.neighbors.size());
  for (size_t i = 0; i < answer.neighbors.size(); ++i) {
    const float distance = exact.neighbors[i].distance;
    EXPECT_NEAR(answer.neighbors[i].distance, distance, 1e-5f * distance + 1e-6f);
    if (answer.plan != FilterPlan::kScan) continue;
    EXPECT_NEAR(distance, truth.neighbors[i].distance, 1e-5f * distance + 1e-6f);
  }
}

inline std::vector<LabelQuery> some_queries(Random& random) {
  const Label a = 1 + static_cast<Label>(random.below(8)), b = a + 1 + static_cast<Label>(random.below(4));
  return {any_of({a}),
          any_of({a, b}),
          any_of({a, b, 99}),
          any_of({77}),
          any_of({}),
          {LabelMatch::kAll, {a, b}},
          {LabelMatch::kAll, {}},
          {LabelMatch::kAll, {a, 77}},
          {LabelMatch::kEqual, {a}},
          {LabelMatch::kEqual, {a, b}},
          {LabelMatch::kEqual, {}}};
}

/// Those of the rows that are in the set, in their order.
inline Vectors rows_of(const Vectors& vectors, const RowSet& rows) {
  Vectors some{{}, vectors.dim, 0};
  rows.for_each([&](Row row) {
    some.data.insert(some.data.end(), vectors.row(row), vectors.row(row) + vectors.dim);
    ++some.rows;
    return true;
  });
  return some;
}

/// Recall@10 by distance, and what it cost, of searches for labels.
struct LabelRecall {
  double recall = 0;
  double distances = 0;  // of both kinds, a query
  double hops = 0;
  size_t as_asked = 0;  // queries that ended with the plan asked for
};

/// `flat` holds the same rows, `allowed` those that match.
inline LabelRecall measure_labels(const Index& index, const Index& flat, const RowSet& allowed,
                                  const LabelQuery& labels, FilterPlan plan, const Vectors& queries,
                                  uint32_t effort = 64) {
  LabelRecall out;
  for (size_t i = 0; i < queries.rows; ++i) {
    SearchRequest exact;
    exact.query = queries[i];
    exact.allowed = &allowed;
    const auto truth = flat.search(exact);
    const auto answer = index.search(asking(labels, plan, queries[i], 10, effort));
    EXPECT_OK(truth);
    EXPECT_OK(answer);
    EXPECT_EQ(answer->neighbors.size(), truth->neighbors.size());
    if (truth->neighbors.empty()) continue;
    const float worst = truth->neighbors.back().distance;
    const float bound = worst + 1e-5f * std::abs(worst) + 1e-6f;
    size_t hits = 0;
    for (const Neighbor& neighbor : answer->neighbors) {
      EXPECT_TRUE(allowed.contains(neighbor.row)) << "row " << neighbor.row;
      hits += neighbor.distance <= bound;
    }
    out.recall += static_cast<double>(hits) / static_cast<double>(truth->neighbors.size());
    out.distances += static_cast<double>(answer->stats.full_distances + answer->stats.code_distances);
    out.hops += static_cast<double>(answer->stats.hops);
    out.as_asked += answer->plan == plan;
  }
  const auto count = static_cast<double>(queries.rows);
  out.recall /= count;
  out.distances /= count;
  out.hops /= count;
  return out;
}

/// Live or not, linked nodes of the graph with a label that walks from its start do not reach.
inline size_t unreached_by(const Index& index, Label label) {
  const auto& graph_index = dynamic_cast<const GraphIndex&>(index);
  const GraphStore& graph = graph_index.graph();
  const LabelTable& labels = *graph.labels();
  const Node nodes = graph_index.rows().size();
  const NodeBits reached = graph.reachable_by(label, nodes);
  size_t missed = 0;
  for (Node node = 0; node < nodes; ++node)
    missed += graph.linked(node) && graph.base().has_any(node) && labels.has(labels.walk_set(node), label) &&
              !reached.has(node);
  return missed;
}

}  // namespace kith::test
