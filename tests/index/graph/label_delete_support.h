// What tests of deletes of rows with labels share: an index beside an exact one of the same rows.
#pragma once

#include "tests/index/graph/delete_support.h"
#include "tests/index/graph/label_support.h"

namespace kith::test {

inline const LabelTable& table_of(const Index& index) {
  return *graph_of(index).labels();
}

/// Edges that no pruning drops, a node of the graph.
inline double forced_edges(const Index& index) {
  const GraphStore& graph = graph_of(index);
  size_t forced = 0, nodes = 0;
  for (Node node = 0; node < graph.grown(); ++node) {
    nodes += graph.base().has_any(node);
    for (uint32_t i = 0; i < graph.base().capacity(); ++i) forced += graph.marks(node).forced(i);
  }
  return static_cast<double>(forced) / static_cast<double>(nodes);
}

inline constexpr Label kBesideLabels = 10;

/// An index under test, an exact one of the same rows, and what both are to hold.
class Beside {
 public:
  Beside(IndexOptions options, Vectors vectors, std::vector<LabelSet> labels, ThreadPool* pool = nullptr)
      : vectors_(std::move(vectors)), labels_(std::move(labels)) {
    options.emplace_back("degree", "48");
    options.emplace_back("ef_construction", "80");
    spec_ = spec_of("vamana", Metric::kL2, vectors_.dim, std::move(options), pool);
    index_ = create_index(spec_).value();
    flat_ = create_index(spec_of("flat", Metric::kL2, vectors_.dim)).value();
  }

  Index& index() { return *index_; }
  const Index& flat() const { return *flat_; }
  const Vectors& vectors() const { return vectors_; }
  const std::vector<LabelSet>& labels() const { return labels_; }
  const RowSet& live() const { return live_; }
  Row end() const { return end_; }
  bool fused() const { return graph_of(*index_).options().fused(); }

  void add(size_t count) {
    EXPECT_OK(add_labeled(*index_, vectors_, labels_, end_, count));
    std::vector<Row> rows;
    for (; count > 0; --count, ++end_) {
      rows.push_back(end_);
      live_.add(end_);
    }
    EXPECT_OK(flat_->add(rows, part(vectors_, rows.front(), rows.size())));
  }
  void remove(Row row) {
    ASSERT_TRUE(live_.contains(row));
    live_.remove(row);
    EXPECT_OK(index_->remove(row));
    EXPECT_OK(flat_->remove(row));
  }
  void remove_some(size_t count, Random& random) {
    for (; count > 0; --count) {
      Row row = static_cast<Row>(random.below(end_));
      while (!live_.contains(row)) row = (row + 1) % end_;
      remove(row);
    }
  }
  void remove_all_with(Label label) {
    for (Row row = 0; row < end_; ++row)
      if (live_.contains(row) && carries(labels_[row], label)) remove(row);
  }
  void settle() { test::settle(*index_, spec_); }
  void reopen() {
    MemoryFileSystem fs;
    CheckpointDirectory directory(fs);
    ASSERT_OK(directory.write(*index_));
    CheckpointContext context;
    context.pool = spec_.pool;
    ASSERT_VALUE(opened, find_index_kind("vamana").value()->open(directory, context));
    index_ = std::move(opened);
  }

  RowSet matching(const LabelQuery& query) const {
    RowSet rows = rows_matching(labels_, query);
    rows.intersect(live_);
    return rows;
  }
  /// Whole: all is reached, all that matches is answered, counts are right.
  void expect_whole(Random& random, Label labels = kBesideLabels) {
    ASSERT_VALUE(audit, audit_graph(*index_));
    EXPECT_EQ(audit.unreachable, 0u);
    EXPECT_EQ(index_->stats().rows, live_.size());
    for (Label label = 1; label <= labels; ++label) {
      SCOPED_TRACE(testing::Message() << "label " << label);
      const LabelQuery query = any_of({label});
      const RowSet rows = matching(query);
      EXPECT_EQ(table_of(*index_).rows(label), rows.size());
      if (!fused()) {
        EXPECT_EQ(unreached_by(*index_, label), 0u);
        EXPECT_EQ(table_of(*index_).loose(label), 0u);
        const Node start = table_of(*index_).start(label);
        if (start != kNoNode) {
          EXPECT_FALSE(graph_of(*index_).leaving(start));
        }
        EXPECT_TRUE(rows.size() == 0 || start != kNoNode);
      }
      for (const FilterPlan plan : {FilterPlan::kLabels, FilterPlan::kAuto, FilterPlan::kScan})
        expect_kept(*index_, *flat_, asking(query, plan, vectors_[random.below(end_)], 10, 40), rows);
      expect_kept(*index_, *flat_, asking(query, FilterPlan::kLabels, vectors_[0], 100'000), rows);
    }
    for (const LabelQuery& query : some_queries(random))
      for (const FilterPlan plan : kAllPlans)
        expect_kept(*index_, *flat_, asking(query, plan, vectors_[random.below(end_)], 10, 40),
                    matching(query));
  }
  /// The same rows in a new index, numbered from 0.
  Beside fresh(IndexOptions options) const {
    Vectors vectors = rows_of(vectors_, live_);
    std::vector<LabelSet> labels;
    for (Row row = 0; row < end_; ++row)
      if (live_.contains(row)) labels.push_back(labels_[row]);
    Beside out(std::move(options), std::move(vectors), std::move(labels));
    out.add(live_.size());
    out.settle();
    return out;
  }
  LabelRecall recall(Label label, FilterPlan plan, const Vectors& queries, uint32_t effort) const {
    return measure_labels(*index_, *flat_, matching(any_of({label})), any_of({label}), plan, queries, effort);
  }

 private:
  Vectors vectors_;
  std::vector<LabelSet> labels_;
  IndexSpec spec_;
  std::unique_ptr<Index> index_, flat_;
  RowSet live_;
  Row end_ = 0;
};

}  // namespace kith::test
