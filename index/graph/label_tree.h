// The spanning trees of labels (linker_labels.cc): grown where all nodes are there already, and mended where
// some leave. A tree is what edges that no pruning drops lead to from the label's start, over nodes that
// carry the label. One mark says that an edge is of a tree, not of which, so a tree is known by following it.
//
// Nodes leave together, many at a time, for each of their labels is followed once, beside linkers. From when
// they are marked as leaving nobody joins by them. What hung at one of them hangs in its whole subtree with
// it: it joins a node that the start reaches without any of them. If the start leaves, the largest of the
// subtrees has the next one, and searches go on from the old one until that reaches all.
#pragma once

#include "index/graph/linker.h"

namespace kith {

/// Leads from the start of each label, the first of its nodes where there is none, to all nodes of the graph
/// below `nodes` that are walked by it: over the edges that are there, and by new ones to what these leave
/// out. With labels=nested the same for groups (restore_nested). No linker runs meanwhile; readers may.
void grow_label_trees(GraphStore& graph, LinkScratch& scratch, Node nodes);

/// Labels that no node carries but such as leave have no start any more. No linker runs meanwhile, and all
/// know who leaves.
void end_label_trees(GraphStore& graph, Node nodes);

/// After that, before `leaving` lose their lists: makes all trees do without them. Beside linkers.
void mend_label_trees(GraphStore& graph, LinkScratch& scratch, std::span<const Node> leaving, Node nodes);

}  // namespace kith
