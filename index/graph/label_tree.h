// The spanning trees of labels (linker_labels.cc) where all nodes are there already: after a batch build, and
// out of a checkpoint that was taken while nodes were being linked, which left out edges to these.
#pragma once

#include "index/graph/linker.h"

namespace kith {

/// Leads from the start of each label, the first of its nodes where there is none, to all nodes of the graph
/// below `nodes` that are walked by it: breadth first over the edges that are there, and by new ones to what
/// these leave out. With labels=nested the same for groups (restore_nested). No linker runs meanwhile;
/// readers may.
void grow_label_trees(GraphStore& graph, LinkScratch& scratch, Node nodes);

}  // namespace kith
