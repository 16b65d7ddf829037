// Index kind `vamana`: the graph of DiskANN (Subramanya et al., NeurIPS 2019): one layer, RobustPrune with α
// > 1, searched from near the middle of the data. Rows are inserted in place, one pass, as FreshDiskANN does.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kVamanaGraph;
extern const IndexKind kVamanaKind;

}  // namespace kith
