// The lists of a graph as the extents `lists` of a checkpoint hold them: for each node in turn, in bits
// (bit_stream.h)
//
//   c  neighbours on layer 0, c = bits of the capacity; then, unless there are none:
//        c  how many of them are checked
//        per neighbour b + 1: twice its number, plus 1 where the edge is forced (ListMarks); b = bits of the
//        highest node
//   for each layer from 1 to the node's level: u neighbours, u = bits of the capacity there; per neighbour b
//
// The order of neighbours is kept: it has a meaning. Levels follow from the seed. Vectors that are not nodes
// of the graph have empty lists.
#pragma once

#include "index/extent_file.h"
#include "index/graph/graph_store.h"
#include "index/node_bits.h"

namespace kith {

/// How graphs with these capacities are cut.
ExtentCut list_cut(Node nodes, const GraphStore& graph);

/// Copies each list under its node's lock, without edges to nodes that are not members: in the graph, that
/// is linked and not in the chain of an equal one.
std::vector<std::byte> encode_lists(const GraphStore& graph, const Extent& extent, const NodeBits& members);

/// Fills the empty lists of an extent; each number is checked. `name` is the file's.
Result<void> decode_lists(std::span<const std::byte> bytes, const std::string& name, const Extent& extent,
                          const NodeBits& members, GraphStore& graph);

}  // namespace kith
