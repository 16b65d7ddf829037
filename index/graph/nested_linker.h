// NestedLinker: links one node into the lists of a NestedStore, once the ordinary graph has it (UNG: Cai et
// al., SIGMOD 2025, made to grow). Within its group the node is linked as ever, by a walk of the group; rows
// above and below, those of more labels and of fewer, are taken from among all that the ordinary walk met and
// measured on its way, which costs nothing. To and from them edges are chosen by Vamana's rule, where a
// neighbour occludes another one only if labels ascend along the detour: so what lies nearest to a row of
// another group has the edge there, and no row needs one for each group above.
//
// The first row of a group is led to from each of the groups right below, and leads to those right above, by
// edges that no pruning drops: the label navigating graph.
#pragma once

#include "index/graph/linker.h"

namespace kith {

class NestedLinker {
 public:
  /// `measure` and `stats` are those of the linker whose last walk of layer 0 left scratch.met. `tree`: the
  /// nodes that the starts of groups lead to; null: linked ones are.
  NestedLinker(GraphStore& graph, LinkScratch& scratch, const Measure& measure, SearchStats& stats,
               const NodeBits* tree = nullptr)
      : graph_(graph),
        labels_(*graph.labels()),
        nested_(*graph.nested()),
        scratch_(scratch),
        measure_(measure),
        stats_(stats),
        tree_(tree) {}

  /// Uses up scratch.met.
  void link(Node node);
  /// Has edges lead into a group, whose start is linked, from those right below.
  void lead_into(LabelSetNumber group);

 private:
  /// Neighbours of a node to choose from, near to far.
  struct Near {
    std::vector<Candidate> inside, above, below;
  };

  Near sort_met(LabelSetNumber group);
  /// False where rows of its labels have come into another group meanwhile.
  bool begin_group(Node node, LabelSetNumber group, const Near& near);
  void join_group(Node node, LabelSetNumber group, const Near& near);
  /// An edge that stays, from one of the nodes, the nearest with room; where from, or kNoNode.
  Node force_edge_from(std::span<const Candidate> nodes, MarkedLists& lists, Node to);
  void lead_from(LabelSetNumber below, Node start, LabelSetNumber group);
  /// `forced`: edges that stay besides.
  void write_above(Node node, const Near& near, std::span<const Candidate> forced);
  void connect_below(Node node, const Near& near);

  /// What a walk of a group finds, near to far.
  std::vector<Candidate> walk_group(Node node, LabelSetNumber group, size_t beam,
                                    std::span<const Candidate> near = {});
  /// Joined to its group's tree: whoever meets it can get to all of the group.
  bool joined(Node node, LabelSetNumber group) const;

  /// Adds an edge, pruning the list where it is full. False: it was to stay, and there was no room.
  bool connect(MarkedLists& lists, Node to, PruneCandidate edge);
  void prune_full(MarkedLists& lists, Node to, std::span<const Node> ids, PruneCandidate edge);
  void write(MarkedLists& lists, Node node, std::span<const PruneCandidate> kept);
  /// The caller holds the node's lock.
  void assign(MarkedLists& lists, Node node, std::span<const PruneCandidate> kept);
  /// What a list that is full is pruned on, which `candidates` are measured by then.
  Measure measure_list(Node centre, std::vector<PruneCandidate>& candidates);
  /// Puts `candidates` and the node's list inside, as forced ones, into the scratch, near to far.
  void load(const Measure& measure, Node centre, std::span<const PruneCandidate> candidates,
            std::vector<Node>& inside);
  /// The kept ones that are not in `inside`.
  std::vector<PruneCandidate> kept_besides(std::span<const Node> inside) const;

  GraphStore& graph_;
  LabelTable& labels_;
  NestedStore& nested_;
  LinkScratch& scratch_;
  const Measure& measure_;
  SearchStats& stats_;
  const NodeBits* tree_;
};

/// Whether all `members`, the nodes with lists, are met from the starts of their groups, but for loose ones.
bool nested_whole(const GraphStore& graph, const NodeBits& members);
/// Makes whole what a checkpoint taken while nodes were being linked left out: nodes that their group's start
/// does not reach are linked again, and all groups led into. No linker runs meanwhile; readers may.
void restore_nested(GraphStore& graph, LinkScratch& scratch, Node nodes);

}  // namespace kith
