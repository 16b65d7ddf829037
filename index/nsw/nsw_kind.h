// Index kind `nsw`: "Approximate nearest neighbor algorithm based on navigable small world graphs" (Malkov,
// Ponomarenko, Logvinov, Krylov, Information Systems 2014): rows link both ways to the m nearest found by
// several greedy walks, and nothing is pruned: the links of early rows become the long ones.
//
// The paper's lists grow without bound. Here a list holds `degree`: the row's own m links, which stay for
// ever, and the nearest of those that linked to it. So hubs keep the links that make them hubs, and cost no
// more than others.
#pragma once

#include "index/graph/graph_options.h"

namespace kith {

extern const GraphKind kNswGraph;
extern const IndexKind kNswKind;

}  // namespace kith
