// Batch building: all rows that are there become one graph at once, by a kind's own builder (NSG, NSSG,
// HCNNG).
//
// Around the builder, the same for all: vectors equal to one another become one node and a chain; the entry
// is the node nearest to the mean; and after it, connectivity: a spanning tree from the entry over the
// builder's edges, whose edges no later pruning drops ("forced"). What the tree does not reach hangs at the
// nearest reached node with room, found by a search from the entry: the repair by depth-first search of NSG
// (Fu et al., PVLDB 2019, Algorithm 2), done breadth first so that paths stay short.
#pragma once

#include "index/graph/linker.h"
#include "index/graph/scratch_pool.h"
#include "index/row_table.h"

namespace kith {

struct BuildCounts {
  uint64_t unreached = 0;  // nodes that the builder's own edges did not lead to from the entry
};

/// The builder of an index's first rows, or null.
GraphBuild builder_of(const GraphKind& kind, const GraphOptions& options);

/// Builds nodes [0, nodes), none of which is linked, and marks them linked. No linker runs meanwhile; readers
/// may. When it fails nothing is linked.
Result<BuildCounts> build_graph(GraphBuild build, GraphStore& graph, const RowTable& rows, Node nodes,
                                ScratchPool<LinkScratch>& scratch, ThreadPool* pool, const Stop& stop);

}  // namespace kith
