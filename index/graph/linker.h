// Linker: inserts one node into a GraphStore (INSERT, Algorithm 1 of Malkov and Yashunin; without levels the
// insertion of Vamana). Any number of threads link at once, each with its own Linker.
//
// Order of publication, so that readers without locks never meet a half-linked node: candidates of all layers
// are found first; then layers are linked from the bottom up, on each the node's own list before any edge to
// it, and on layer 0 the edge from its parent before all others. Who meets the node on some layer finds it
// whole on that one and below; who finds it at all finds it connected. The entry moves last.
#pragma once

#include <vector>

#include "index/graph/beam_search.h"
#include "index/graph/graph_store.h"
#include "index/graph/select_neighbors.h"
#include "index/graph/vector_scorer.h"

namespace kith {

/// Working memory of one linker; reused, see ScratchPool.
struct LinkScratch {
  VisitedSet visited;
  LinearPool pool;
  StepScratch step;
  PruneScratch prune;
  KernelQuery query;
  KernelQuery centre;
  std::vector<Candidate> candidates;                  // of one layer, near to far
  std::vector<std::vector<PruneCandidate>> selected;  // by layer
  std::vector<Node> ids;
  std::vector<const void*> rows;
  std::vector<float> distances;
};

/// Greedy walk of width 1 on one upper layer, from `from` to a local minimum.
Candidate descend(const GraphStore& graph, const VectorScorer& scorer, uint32_t layer, Candidate from,
                  StepScratch& scratch, SearchStats& stats);

class Linker {
 public:
  Linker(GraphStore& graph, LinkScratch& scratch) : graph_(graph), scratch_(scratch) {}

  /// `nodes`: all nodes below it may be met. Afterwards the node is linked (or chained to an equal one).
  void link(Node node, Node nodes);

 private:
  bool link_first(Node node);
  bool link_zero(Node node) const;
  Node find_equal(Node node, const void* query) const;
  void find_candidates(const VectorScorer& scorer, Candidate from, uint32_t layer, Node nodes);
  void extend_candidates(const VectorScorer& scorer, uint32_t layer, Node nodes);
  void select(Node node, uint32_t layer);
  void link_base(Node node);
  size_t choose_parent(Node node);
  void link_upper(Node node, uint32_t layer);

  static constexpr uint32_t kNoMarks = ~0u;  // lists of upper layers

  uint32_t forced_count(Node node) const;
  void connect_base(Node to, PruneCandidate edge);
  void connect_upper(Node to, uint32_t layer, PruneCandidate edge);
  /// Fills the pruning input with the `count` neighbours in scratch_.ids and `edge`, near to far.
  void load_candidates(Node centre, uint32_t count, uint32_t checked, PruneCandidate edge);

  GraphStore& graph_;
  LinkScratch& scratch_;
  SearchStats stats_;
};

}  // namespace kith
