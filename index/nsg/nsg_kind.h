// Index kind `nsg`: "Fast Approximate Nearest Neighbor Search With The Navigating Spreading-out Graph" (Fu,
// Xiang, Wang, Cai, PVLDB 2019). Built at once: a k-NN graph; for each row, the rows met on the way to it
// from the middle are its candidates, pruned by the relative neighbourhood rule; edges back; what is cut off
// is attached. Later rows are linked as they come, by the same rule. Walks begin at the middle and, as in the
// authors' code, at random rows: where data lies in tight clusters few edges lead from one to another.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kNsgGraph;
extern const IndexKind kNsgKind;

}  // namespace kith
