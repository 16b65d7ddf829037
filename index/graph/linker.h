// Linker: inserts one node into a GraphStore (INSERT, Algorithm 1 of Malkov and Yashunin; without levels the
// insertion of Vamana). Any number of threads link at once, each with its own Linker.
//
// Order of publication, so that readers without locks never meet a half-linked node: candidates of all layers
// are found first; then layers are linked from the bottom up, on each the node's own list before any edge to
// it, and on layer 0 the edge from its parent before all others. Who meets the node on some layer finds it
// whole on that one and below; who finds it at all finds it connected. The entry moves last.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "index/graph/beam_search.h"
#include "index/graph/graph_store.h"
#include "index/graph/select_neighbors.h"

namespace kith {

/// What the search for a node's place found.
struct LinkPlan {
  Node equal = kNoNode;                               // a node with the same bytes: it is to hang there
  std::vector<std::vector<PruneCandidate>> selected;  // by layer, bottom up
  std::vector<Candidate> candidates;                  // of layer 0, near to far
  size_t parent = 0;                                  // position in selected[0]
};

/// Working memory of one linker; reused, see ScratchPool.
struct LinkScratch {
  VisitedSet visited;
  LinearPool pool;
  std::vector<Candidate> trail;  // expanded on the way, not in the pool any more
  StepScratch step;
  PruneScratch prune;
  MeasureQuery query;
  MeasureQuery centre;
  FetchedRows fetched;
  LinkPlan plan;
  uint64_t first_start = 0;  // number of the first random start (starts.h)
  std::vector<Node> ids;
  std::vector<const void*> rows;
  std::vector<float> distances;
};

/// Greedy walk of width 1 on one upper layer, from `from` to a local minimum.
Candidate descend(const GraphStore& graph, const RowScorer& scorer, uint32_t layer, Candidate from,
                  StepScratch& scratch, SearchStats& stats);

class Linker {
 public:
  Linker(GraphStore& graph, LinkScratch& scratch)
      : graph_(graph), scratch_(scratch), measure_(graph.measure()) {}

  /// `nodes`: all nodes below it may be met. Afterwards the node is linked (or chained to an equal one).
  void link(Node node, Node nodes);

  /// Joins the nearest nodes of a query, near to far, by edges that serve queries like it: see
  /// GraphIndex::learn.
  void learn(std::span<const Node> nearest);

  // The steps of link, for batches (batch_linker.h).

  /// The first node of all becomes the entry as it is; threads that come at once wait for it.
  bool link_first(Node node);
  /// Fills scratch.plan but for the parent. Changes nothing.
  void find_place(Node node, Node nodes);
  /// Chooses whose forced edge the plan's node hangs at: the nearest one with room (by Euclidean distance
  /// under inner products too); half of a list at most is forced. `taken` says how many forced edges of a
  /// node are promised and not in its list yet.
  using Taken = std::function<uint32_t(Node)>;
  void choose_parent(Node node, LinkPlan& plan, const Taken& taken);
  /// Writes the node's own lists.
  void write_lists(Node node, const LinkPlan& plan);
  /// Adds an edge to another node's list, pruning it where it is full.
  void connect(Node to, uint32_t layer, PruneCandidate edge);
  /// What is left when edges lead to the node: entry, zero node, mark.
  void finish(Node node);

 private:
  Node find_zero(Node node) const;
  Node find_equal(Node node, const RowScorer& scorer);
  bool same_vector(Node a, Node b);
  void find_candidates(const RowScorer& scorer, Candidate from, uint32_t layer, Node nodes);
  void extend_candidates(const RowScorer& scorer, uint32_t layer, Node nodes);
  void select(Node node, uint32_t layer);
  void move_entry(Node nodes);

  static constexpr uint32_t kNoMarks = ~0u;  // lists of upper layers

  uint32_t forced_count(Node node) const;
  template <typename HasRoom>
  std::vector<PruneCandidate>::iterator nearest_in_space(std::vector<PruneCandidate>& selected,
                                                         HasRoom has_room);
  void connect_base(Node to, PruneCandidate edge);
  void connect_learnt(Node to, PruneCandidate edge);
  /// The caller holds the node's lock.
  void connect_locked(Node to, PruneCandidate edge);
  void connect_upper(Node to, uint32_t layer, PruneCandidate edge);
  /// Fills the pruning input with the `count` neighbours in scratch_.ids and `edge`, near to far. Returns
  /// what the distances were measured on.
  Measure load_candidates(Node centre, uint32_t count, uint32_t checked, PruneCandidate edge);
  void load_candidates(const Measure& measure, Node centre, uint32_t count, uint32_t checked,
                       PruneCandidate edge);

  GraphStore& graph_;
  LinkScratch& scratch_;
  Measure measure_;  // on vectors where codes are too coarse for the node to be linked
  SearchStats stats_;
};

}  // namespace kith
