// Random starts of a walk: NSW (Malkov et al., Information Systems 2014) begins at several at once, NSSG (Fu
// et al., TPAMI 2021) at several roots. All feed one pool and one visited set.
#pragma once

#include "index/graph/graph_store.h"
#include "index/graph/visited_set.h"
#include "index/stats.h"

namespace kith {

/// Offers the starts numbered from `first` on to `insert(distance, node)`.
template <typename Scorer, typename Insert>
void add_starts(const GraphStore& graph, const Scorer& scorer, uint64_t first, Node nodes,
                VisitedSet& visited, SearchStats& stats, Insert insert) {
  for (uint32_t i = 0; i < graph.options().starts; ++i) {
    const Node node = graph.start(first + i, nodes);
    if (node == kNoNode || !visited.insert(node)) continue;
    const void* row = scorer.row(node);
    float distance = 0;
    scorer.score(&row, 1, &distance);
    ++stats.full_distances;
    insert(distance, node);
  }
}

}  // namespace kith
