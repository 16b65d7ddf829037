// Index kind `hnsw`: "Efficient and robust approximate nearest neighbor search using Hierarchical Navigable
// Small World graphs" (Malkov and Yashunin, TPAMI 2018/20): the relative neighbourhood rule, m links a node,
// 2 m on layer 0, and levels.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kHnswGraph;
extern const IndexKind kHnswKind;

}  // namespace kith
