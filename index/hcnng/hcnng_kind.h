// Index kind `hcnng`: "Hierarchical Clustering-based Graphs for Large Scale Approximate Nearest Neighbor
// Search" (Muñoz, Gonçalves, Dias, Torres, Pattern Recognition 2019). Built at once: random partitions, in
// each leaf a minimum spanning tree whose degrees stay within three, and the union of these trees. Later rows
// are linked as they come, by the relative neighbourhood rule.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kHcnngGraph;
extern const IndexKind kHcnngKind;

}  // namespace kith
