// GraphWalk: one search on a GraphIndex: scans, walks of the graph, and the merge of what they find. Its
// parts: walk_scan.cc, walk_rerank.cc, walk_range.cc, walk_filter.cc (searches under a filter, by plan).
#pragma once

#include "index/graph/beam_search.h"
#include "index/graph/graph_index.h"
#include "index/graph/row_filter.h"
#include "index/graph/two_hop.h"
#include "index/graph/walk_plan.h"

namespace kith {

/// Working memory of one search; reused, see ScratchPool.
struct WalkScratch {
  VisitedSet visited;
  LinearPool linear;
  FilteredPool filtered;
  StepScratch step;
  TwoHopScratch two_hop;
  RowBits bits;        // of a search that was given none
  MeasureQuery query;  // in full
  MeasureQuery code;
  std::vector<Candidate> ring;  // of a range search
  std::vector<float> fused;     // distances of one step
  FetchedRows fetched;
};

class GraphWalk {
 public:
  /// All that is given outlives the walk.
  GraphWalk(const GraphIndex& index, WalkScratch& scratch, const VectorView& query, const RowsAsked& asked,
            const Stop& stop);

  /// All of `request` but its effort and what the walk was made with.
  Result<SearchAnswer> nearest(const SearchRequest& request, uint32_t effort);
  Result<SearchAnswer> within(float radius, uint32_t rows_max, uint32_t effort);
  /// It walked on vectors that have left memory meanwhile: its answer means nothing.
  bool overtaken() const { return codes_ == nullptr && graph_.vectors().released() > 0; }

 private:
  static constexpr size_t kScanStep = 256;  // rows a kernel call in exact scans, at most

  void leave_out(Row row);
  Result<SearchAnswer> nearest_of_all(uint32_t k, uint32_t effort);
  Result<SearchAnswer> scan_of_all(uint32_t k);
  bool scan_is_cheaper(uint64_t beam) const;
  bool scan_beats_groups(uint32_t k, uint32_t effort) const;
  bool passes(Node node) { return filter_.passes(node, nodes_); }

  // Under a filter.
  Result<SearchAnswer> nearest_allowed(const SearchRequest& request, uint32_t effort);
  /// Searches by plan_, which may turn into kScan. False: the plan did not answer, another one must.
  Result<bool> run_plan(const PlanInput& input, uint64_t budget, TopK& top, TopK& pending);
  Result<bool> run_code_scan(const PlanInput& input, TopK& top, TopK& pending);
  Result<void> run_walk(const PlanInput& input);
  Result<void> walk_by_plan(const PlanInput& input);
  Result<void> walk_wider_until_enough(const PlanInput& input);
  void make_bits();
  /// Starts of a two-hop walk: allowed nodes all over the graph, and those around `nearest`.
  /// `descend` among rows that may be returned (ACORN-γ); where it begins need not be one of them.
  Candidate descend_allowed(const RowScorer& scorer, uint32_t layer, Candidate from);
  std::vector<Node> allowed_seeds();
  template <typename Layer>
  void enter_allowed(Layer& layer, const RowScorer& scorer, Candidate nearest);

  template <typename Visit>
  void for_each_returnable(Visit visit);
  template <typename Visit>
  void for_each_labelled(Visit visit);
  /// Measures all returnable nodes and pushes them.
  Result<void> scan_all(TopK& top);
  Result<void> scan_pending(TopK& top);
  /// Of rows that match labels, those that walks for these may not meet.
  Result<void> scan_unmet(TopK& top);
  /// Leaves the `width` nearest returnable nodes, by their codes, in the linear pool.
  Result<void> scan_codes(size_t width, TopK& pending);
  Result<void> scan(std::span<const Node> nodes, TopK& top);
  /// How many vectors one measure takes at most.
  size_t scan_step() const;
  /// Exact distances, of vectors in memory or not.
  Result<void> measure(std::span<const Node> nodes, float* out);
  RowScorer code_scorer() {
    return Measure(graph_.vectors(), codes_).from_vector(exact_.query, scratch_.code);
  }

  /// Walks the graph with `beam` as plan_ says, measuring by `scorer`, and leaves the result in one of the
  /// pools. Ends early when the nearest `watched` have not changed for long.
  Result<void> walk(size_t beam, size_t watched, const RowScorer& scorer);
  /// With labels=nested: walks come into its group by it.
  bool starts_group(Node node) const;
  Result<void> walk_all(const RowScorer& scorer, Candidate nearest);
  Result<void> walk_inline(const RowScorer& scorer, Candidate nearest);
  Result<void> walk_two_hop(const RowScorer& scorer, Candidate nearest);
  Result<void> walk_labels(const RowScorer& scorer);
  Result<void> walk_fused(const RowScorer& scorer);
  Result<float> approach(const RowScorer& scorer);
  /// The same on codes, and where they tell too little on full vectors.
  Result<void> walk_nearest(size_t beam, size_t watched, size_t k);
  /// Codes tell too little of the k nearest found.
  bool blurred(size_t k);
  /// Pushes what the walk found, in exact distances.
  Result<void> collect(TopK& top);
  /// The same after a walk on codes: full vectors only where the code leaves it open whether they enter.
  Result<void> rerank(TopK& top);
  Result<void> rerank_from_disk(TopK& top);
  float code_error(Candidate near, float sigmas);
  float rerank_sigmas() const;
  bool in_filtered_pool() const {
    return plan_ == FilterPlan::kInline || (plan_ == FilterPlan::kLabels && !labels_alone_);
  }
  Candidate found(size_t i) const { return in_filtered_pool() ? scratch_.filtered[i] : scratch_.linear[i]; }
  size_t found_count() const {
    return in_filtered_pool() ? scratch_.filtered.size() : scratch_.linear.size();
  }
  /// Pushes a node of the graph and the vectors equal to it, those of them that may be returned: after a walk
  /// of groups of labels those of its own set of labels, since each set has a node.
  void push_group(Candidate candidate, TopK& top);
  /// Fills the ring with what the walk found within a raw radius.
  Result<void> start_ring(float radius, bool estimates, TopK& top);
  /// What `scorer` estimates is read before it counts, where its bound leaves it open.
  Result<void> widen_to_radius(float user_radius, const RowScorer& scorer, TopK& top);
  bool may_lie_within(float radius, Candidate estimate);
  size_t keep_within(float radius, const RowScorer& code, size_t count);
  SearchAnswer merge(TopK& graph, TopK& pending, size_t k);

  const GraphIndex& index_;
  const GraphStore& graph_;
  WalkScratch& scratch_;
  const Stop& stop_;
  RowFilter filter_;
  const CodeStore* codes_;  // null: the walk is on full vectors
  RowScorer exact_;
  uint64_t removed_;  // of the graph still
  Node left_out_ = kNoNode;
  uint64_t returnable_;                  // an upper bound of the rows that may be returned
  Node nodes_;                           // as many as there were when the search began
  bool filtered_;                        // walks that return all nodes would find too few
  bool labels_alone_;                    // walks that keep to labels meet next to no others
  FilterPlan plan_ = FilterPlan::kAuto;  // of the last walk or scan; kAuto: a walk that returns all nodes
  WalkBudget budget_;                    // what is left of it
  size_t beam_ = 0;                      // of the last walk
  size_t expanded_ = SIZE_MAX;           // of the beam, once it is full
  SearchStats stats_;
};

}  // namespace kith
