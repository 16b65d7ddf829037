// GraphWalk: one search on a GraphIndex: exact scans, the walk of the graph, and the merge of what they find.
#pragma once

#include "index/graph/beam_search.h"
#include "index/graph/graph_index.h"

namespace kith {

/// Working memory of one search; reused, see ScratchPool.
struct WalkScratch {
  VisitedSet visited;
  LinearPool linear;
  FilteredPool filtered;
  StepScratch step;
  MeasureQuery query;  // in full
  MeasureQuery code;
  std::vector<Candidate> ring;  // of a range search
  FetchedRows fetched;
};

class GraphWalk {
 public:
  GraphWalk(const GraphIndex& index, WalkScratch& scratch, const VectorView& query, const RowSet* allowed,
            const Stop& stop);

  Result<SearchAnswer> nearest(uint32_t k, uint32_t effort);
  Result<SearchAnswer> within(float radius, uint32_t rows_max, uint32_t effort);
  /// It walked on vectors that have left memory meanwhile: its answer means nothing.
  bool overtaken() const { return codes_ == nullptr && graph_.vectors().released() > 0; }

 private:
  bool returnable(Node node);
  bool any_returnable(Node node);
  bool scan_is_cheaper(uint64_t beam) const;

  /// Measures all returnable nodes and pushes them.
  Result<void> scan_all(TopK& top);
  Result<void> scan_pending(TopK& top);
  Result<void> scan(std::span<const Node> nodes, TopK& top);
  /// How many vectors one measure takes at most.
  size_t scan_step() const;
  /// Exact distances, of vectors in memory or not.
  Result<void> measure(std::span<const Node> nodes, float* out);
  RowScorer code_scorer() {
    return Measure(graph_.vectors(), codes_).from_vector(exact_.query, scratch_.code);
  }

  /// Walks the graph with `beam`, measuring by `scorer`, and leaves the result in one of the pools. Ends
  /// early when the nearest `k` have not changed for long.
  Result<void> walk(size_t beam, size_t k, const RowScorer& scorer);
  /// The same on codes, and where they tell too little on full vectors.
  Result<void> walk_nearest(size_t beam, size_t k);
  /// Pushes what the walk found, in exact distances.
  Result<void> collect(TopK& top);
  /// The same after a walk on codes: full vectors only where the code leaves it open whether they enter.
  Result<void> rerank(TopK& top);
  Result<void> rerank_from_disk(TopK& top);
  float code_error(Candidate near, float sigmas);
  float rerank_sigmas() const;
  Candidate found(size_t i) const { return filtered_ ? scratch_.filtered[i] : scratch_.linear[i]; }
  size_t found_count() const { return filtered_ ? scratch_.filtered.size() : scratch_.linear.size(); }
  template <typename Visit>
  void for_each_found(Visit visit) const;
  /// Pushes a node of the graph and the vectors equal to it, those of them that may be returned.
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
  const RowSet* allowed_;
  const Stop& stop_;
  const CodeStore* codes_;  // null: the walk is on full vectors
  RowScorer exact_;
  Node nodes_;           // as many as there were when the search began
  uint64_t returnable_;  // an upper bound of the rows that may be returned
  bool filtered_;
  size_t beam_ = 0;  // of the last walk
  SearchStats stats_;
};

}  // namespace kith
