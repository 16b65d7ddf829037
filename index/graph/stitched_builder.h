// StitchedVamana (Gollapudi et al., Filtered-DiskANN, WWW 2023): a graph with labels built at once. For each
// label a small graph of its rows alone, by the same rule, and one of all rows for searches without a label;
// then the union of a node's lists, pruned by what its labels need.
//
// The small graphs are built one after another, each on all threads, and do not depend on these. What one
// takes in memory, a copy of its rows' vectors among it, goes before the next.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

Result<void> build_stitched(const BuildInput& input);

}  // namespace kith
