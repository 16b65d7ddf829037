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

/// An edge that a list is to have.
struct ListEdit {
  Node to;
  PruneCandidate edge;
};

/// A list that would have more than `full` edges is pruned to `kept` at most.
struct ListRoom {
  uint32_t full, kept;
};

/// Working memory of one linker; reused, see ScratchPool.
struct LinkScratch {
  VisitedSet visited;
  VisitedSet reached;
  LinearPool pool;
  std::vector<Candidate> trail;  // expanded on the way, not in the pool any more
  std::vector<Candidate> met;    // on the last walk of layer 0, near or not: with labels=nested
  StepScratch step;
  PruneScratch prune;
  MeasureQuery query;
  MeasureQuery centre;
  FetchedRows fetched;
  LinkPlan plan;
  uint64_t first_start = 0;  // number of the first random start (starts.h)
  bool whole_trail = false;  // candidates of layer 0 are to have the way that the walk came
  std::vector<ListEdit> edits;
  std::vector<std::pair<float, Candidate>> ranked;  // stand-ins of a node that leaves, for one that led to it
  std::vector<Candidate> copies;                    // of these those that it gets
  std::vector<Node> ids;
  std::vector<const void*> rows;
  std::vector<float> distances;
};

/// The nodes that walks for a label reach so far.
struct LabelReach {
  Node start;
  const VisitedSet& nodes;
};

/// Greedy walk of width 1 on one upper layer, from `from` to a local minimum.
Candidate descend(const GraphStore& graph, const RowScorer& scorer, uint32_t layer, Candidate from,
                  StepScratch& scratch, SearchStats& stats);

class Linker {
 public:
  Linker(GraphStore& graph, LinkScratch& scratch)
      : graph_(graph), scratch_(scratch), measure_(graph.measure()), pruned_before_(scratch.prune.measured) {
    scratch.met.clear();
  }
  ~Linker() {
    graph_.count_link_distances(stats_.full_distances + stats_.code_distances + scratch_.prune.measured -
                                pruned_before_);
  }
  Linker(const Linker&) = delete;
  Linker& operator=(const Linker&) = delete;

  /// `nodes`: all nodes below it may be met. Afterwards the node is linked (or chained to an equal one).
  void link(Node node, Node nodes);
  /// Of a node that is linked now: at some, ways in are chosen anew (GraphStore::landmark_step), among those
  /// that the graph has grown over, or, where it was used before (`again`), among all `nodes`.
  void renew_ways_in(Node node, Node nodes, bool again);

  /// Joins the nearest nodes of a query, near to far, by edges that serve queries like it: see
  /// GraphIndex::learn.
  void learn(std::span<const Node> nearest);

  // Taking a node out of the graph, in two steps (linker_leave.cc). It is marked as leaving before.

  /// Gives those that lead to the node, as far as a walk finds them, and those that it leads to edges to
  /// others near it. Beside other linkers.
  void bypass(Node node, Node nodes);
  /// Instead, for each node that stays: where its edges lead to nodes that leave, it may have theirs (Singh
  /// et al., "FreshDiskANN", 2021, Algorithm 4). Beside other linkers.
  void consolidate(Node node);
  /// Joins what the node held together, and empties its lists. Nothing changes unless there is room for that
  /// and another way in: false. While no other linker is under way.
  bool leave(Node node);
  /// Joins a node of the graph that nothing leads to any more. Beside other linkers.
  void join_again(Node node, Node nodes);
  /// Drops edges to nodes that have left from the lists of `node`. Beside other linkers.
  void drop_left(Node node);

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
  /// What is left when edges lead to the node: labels, entry, zero node, mark.
  void finish(Node node);
  /// Hangs a vector at an equal node of the graph, and marks it linked.
  void hang(Node representative, Node node);

  /// Makes sure that walks for a label, from its start, reach a node of the graph that is to be found by it:
  /// through one of `reach`; null: of the nodes that are linked and stay. Where none has room it is counted
  /// as loose.
  void join(Node node, Label label, const LabelReach* reach = nullptr);
  /// The same through a node near by; whether one had room.
  bool join_near(Node node, Label label, const LabelReach* reach);
  /// The same of all labels by which a node is walked.
  void join_labels_again(Node node);
  /// With labels=nested: the place of a linked node among its group and those above and below.
  /// `tree`: the nodes that its group's start reaches so far.
  void link_nested_again(Node node, const NodeBits& tree);
  /// Makes an edge one that no pruning drops, where the list has room for such; adds it if need be.
  bool force_edge(Node to, PruneCandidate edge);

 private:
  Node find_zero(Node node) const;
  Node find_equal(Node node, const RowScorer& scorer);
  bool same_vector(Node a, Node b);
  void find_candidates(const RowScorer& scorer, Candidate from, uint32_t layer, Node nodes);
  /// The same; on vectors, from then on, where codes are too coarse around the node.
  void find_candidates_of(Node node, RowScorer& scorer, Candidate from, uint32_t layer, Node nodes);
  void extend_candidates(const RowScorer& scorer, uint32_t layer, Node nodes);
  void drop_leaving(std::vector<Candidate>& candidates) const;
  void select(Node node, uint32_t layer);
  /// Leaves in the pruning scratch at most `max` of its candidates.
  void prune(const Measure& measure, Node centre, uint32_t layer, uint32_t max);
  void move_entry(Node nodes);

  // linker_leave.cc
  struct Held {  // by an edge of the tree, at a node that leaves
    Node node;
    std::vector<Node> forced;  // where others of its edges that stay lead
  };
  struct Join {  // of two that were held, by their positions
    size_t a, b;
    float distance;
  };
  void bypass_on(Node node, uint32_t layer);
  std::vector<Node> stand_ins_of(Node node) const;
  void find_copies(Node other, Node leaving, std::span<const Node> stand_ins);
  bool holds(Node node, Node other, bool forced, bool forced_back) const;
  void consolidate_on(Node node, uint32_t layer);
  void apply_edits(Node leaving, uint32_t layer);
  ListRoom as_long_as(uint32_t count) const;
  uint32_t read_list(Node node, uint32_t layer, std::vector<Node>& out) const;
  /// The caller holds the node's lock.
  template <typename Drops>
  void drop_locked(Node node, uint32_t layer, Drops drops);
  std::vector<Node> forced_edges(Node node, Node but_for) const;
  bool plan_joins(std::span<const Held> held, uint32_t limit, std::vector<Join>& out);

  // linker_fused.cc
  void add_fused_candidates(Node node, const RowScorer& scorer, Node nodes);

  // linker_labels.cc
  void add_label_candidates(Node node, const RowScorer& scorer, Node nodes);
  void join_labels(Node node);
  void hang_labels(Node representative, Node node);
  bool may_lead(Node from, Label label, const LabelReach* reach) const;
  bool join_by_list(Node node, Label label, const LabelReach* reach);
  bool join_by_walk(Node node, Label label, const LabelReach* reach, size_t beam);
  /// A walk for a label from its start; leaves what it found in the pool.
  void walk_label(const RowScorer& scorer, Label label, size_t beam, Node nodes);
  /// `share` of the list may be forced edges.
  bool force_edge(Node to, PruneCandidate edge, float share);

  static constexpr uint32_t kNoMarks = ~0u;  // lists of upper layers

  uint32_t forced_count(Node node) const;
  template <typename HasRoom>
  std::vector<PruneCandidate>::iterator nearest_in_space(std::vector<PruneCandidate>& selected,
                                                         HasRoom has_room);
  void connect_learnt(Node to, PruneCandidate edge);
  /// The caller holds the node's lock, as for all below.
  bool leads_to(Node to, uint32_t layer, const PruneCandidate& edge);
  void connect_locked(Node to, std::span<PruneCandidate> edges);
  void connect_locked(Node to, std::span<PruneCandidate> edges, const ListRoom& room);
  /// Drops those of `edges` for which a full list, scratch_.ids, had better not be pruned.
  void drop_unworthy(Node to, const ListRoom& room, std::vector<PruneCandidate>& edges);
  void connect_upper(Node to, uint32_t layer, std::span<PruneCandidate> edges);
  /// Fills the pruning input with the `count` neighbours in scratch_.ids and `edges`, near to far. Returns
  /// what the distances were measured on.
  Measure load_candidates(Node centre, uint32_t count, uint32_t checked, std::span<PruneCandidate> edges);
  void load_candidates(const Measure& measure, Node centre, uint32_t count, uint32_t checked,
                       std::span<const PruneCandidate> edges);

  GraphStore& graph_;
  LinkScratch& scratch_;
  Measure measure_;  // on vectors where codes are too coarse for the node to be linked
  uint64_t pruned_before_;
  SearchStats stats_;
};

}  // namespace kith
