// What tests of labels=nested share: what a walk for labels measures, and what its lists lead to, both
// against the plain model.
#pragma once

#include "index/graph/nested_layer.h"
#include "index/graph/starts.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {

inline const GraphStore& graph_of(const Index& index) {
  return dynamic_cast<const GraphIndex&>(index).graph();
}

/// Some of a row's labels, or all.
inline LabelQuery query_from(const LabelSet& labels, LabelMatch match, Random& random) {
  LabelQuery query{match, {}};
  for (const Label label : labels)
    if (match == LabelMatch::kEqual || random.below(2) == 0) query.labels.push_back(label);
  return query;
}

/// A scorer that remembers what it is asked to measure.
class RecordingScorer {
 public:
  explicit RecordingScorer(const RowScorer& scorer, std::vector<Node>& measured)
      : scorer_(scorer), measured_(&measured) {}
  const void* row(Node node) const {
    measured_->push_back(node);
    return scorer_.row(node);
  }
  void prefetch(const void* row) const { scorer_.prefetch(row); }
  void score(const void* const* rows, size_t count, float* out) const { scorer_.score(rows, count, out); }
  void count(size_t count, SearchStats& stats) const { scorer_.count(count, stats); }

 private:
  const RowScorer& scorer_;
  std::vector<Node>* measured_;
};

/// The nodes that a walk for labels measures, starts among them.
inline std::vector<Node> nodes_measured(const Index& index, const LabelQuery& query, VectorView from,
                                        size_t beam) {
  const GraphStore& graph = graph_of(index);
  const LabelFilter filter(*graph.labels(), query, graph.nested());
  const Node nodes = dynamic_cast<const GraphIndex&>(index).rows().size();
  std::vector<Node> measured;
  MeasureQuery prepared;
  const RowScorer exact = Measure(graph.vectors(), nullptr).from_user(from, prepared);
  const RecordingScorer scorer(exact, measured);
  LinearPool pool;
  VisitedSet visited;
  StepScratch step;
  SearchStats stats;
  pool.reset(beam);
  visited.reset(nodes);
  add_label_starts(
      graph, scorer, filter.starts(), [&](Node node) { return filter.walks(node); }, nodes, visited, step,
      stats, [&](float distance, Node node) { pool.insert(distance, node, true); });
  EXPECT_OK(beam_search(NestedLayer(graph, filter), scorer, AllNodes{}, pool, visited, step, Stop{}, stats));
  return measured;
}

/// What the lists inside and above lead to from a query's starts, without a look at labels: all linked rows
/// that match, but for those that are to be scanned, and no other. `labels` are those of rows 0, 1, ...
inline void expect_lists_lead_right(const Index& index, const std::vector<LabelSet>& labels,
                                    const LabelQuery& query) {
  const GraphStore& graph = graph_of(index);
  const LabelFilter filter(*graph.labels(), query, graph.nested());
  const bool equal = query.match == LabelMatch::kEqual;
  std::vector<bool> met(labels.size()), found(labels.size());
  std::vector<Node> stack(filter.starts().begin(), filter.starts().end());
  for (const Node node : stack) met[node] = true;
  size_t wrong = 0;
  while (!stack.empty()) {
    const Node node = stack.back();
    stack.pop_back();
    wrong += !matches(labels[node], query);
    for (Node twin = node; twin != kNoNode; twin = graph.next_equal(twin))
      if (graph.labels()->set_of(twin) == graph.labels()->set_of(node)) found[twin] = true;
    for (const MarkedLists* lists : {&graph.nested()->inside, &graph.nested()->above}) {
      if (lists == &graph.nested()->above && (equal || !filter.follows(node))) continue;
      if (lists == &graph.nested()->inside && !equal && !filter.follows(node)) continue;
      std::vector<Node> ids(lists->capacity());
      ids.resize(lists->lists().read(node, ids.data()));
      for (const Node other : ids) {
        if (met[other]) continue;
        met[other] = true;
        stack.push_back(other);
      }
    }
  }
  filter.for_each_unmet([&](Node node) {
    wrong += !matches(labels[node], query);
    found[node] = true;
    return true;
  });
  EXPECT_EQ(wrong, 0u) << "rows met that do not match";
  size_t missed = 0, all = 0;
  for (Node node = 0; node < labels.size(); ++node) {
    all += matches(labels[node], query);
    missed += matches(labels[node], query) && !found[node];
  }
  EXPECT_EQ(missed, 0u) << "of " << all << " rows, match " << static_cast<int>(query.match) << " of "
                        << query.labels.size() << " labels";
}

/// The same for queries from random rows, but for equality where other sets are merged into a group.
inline void expect_all_lists_lead_right(const Index& index, const std::vector<LabelSet>& labels,
                                        Random& random, bool equality = true) {
  for (int round = 0; round < 30; ++round)
    for (const LabelMatch match : {LabelMatch::kAny, LabelMatch::kAll, LabelMatch::kEqual})
      if (match != LabelMatch::kEqual || equality)
        expect_lists_lead_right(index, labels,
                                query_from(labels[random.below(labels.size())], match, random));
}

/// Recall of one kind of query, from random rows of those that are there.
struct NestedRecall {
  double recall = 0;
  double least = 1;      // of the queries that were walked
  double distances = 0;  // of these
  double matching = 0;   // rows for these
  size_t walked = 0;
  size_t asked = 0;
};

inline NestedRecall measure_nested(const Index& index, const Index& flat, const std::vector<LabelSet>& labels,
                                   const RowSet& live, LabelMatch match, const Vectors& queries,
                                   Random& random, FilterPlan plan = FilterPlan::kLabels,
                                   uint32_t effort = 100) {
  NestedRecall out;
  for (size_t i = 0; i < queries.rows; ++i) {
    const LabelQuery query = query_from(labels[random.below(labels.size())], match, random);
    RowSet matching = rows_matching(labels, query);
    matching.intersect(live);
    if (matching.empty()) continue;
    const Vectors one{{queries.row(i), queries.row(i) + queries.dim}, queries.dim, 1};
    const LabelRecall found = measure_labels(index, flat, matching, query, plan, one, effort);
    ++out.asked;
    out.recall += found.recall;
    if (found.as_asked == 0) continue;
    ++out.walked;
    out.least = std::min(out.least, found.recall);
    out.distances += found.distances;
    out.matching += static_cast<double>(matching.size());
  }
  out.recall /= static_cast<double>(std::max<size_t>(out.asked, 1));
  out.distances /= static_cast<double>(std::max<size_t>(out.walked, 1));
  out.matching /= static_cast<double>(std::max<size_t>(out.walked, 1));
  return out;
}

}  // namespace kith::test
