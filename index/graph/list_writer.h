// What batch builders end with: a pruned list per node, and the edges back.
#pragma once

#include "index/graph/batch_linker.h"

namespace kith {

/// Prunes scratch.candidates of `node` (near to far, without itself) by the kind's rule to its own list.
void write_pruned_list(GraphStore& graph, Node node, PruneScratch& scratch);

/// For every edge of `nodes` the one back, where it is missing, pruning lists that are full.
void add_edges_back(GraphStore& graph, std::span<const Node> nodes, ThreadPool* pool);

}  // namespace kith
