// Random starts of a walk: NSW (Malkov et al., Information Systems 2014) begins at several at once, NSSG (Fu
// et al., TPAMI 2021) at several roots. All feed one pool and one visited set. A walk for labels begins at
// theirs, and at what landmarks carry them.
#pragma once

#include <span>

#include "index/graph/beam_search.h"
#include "index/graph/graph_store.h"
#include "index/graph/visited_set.h"
#include "index/stats.h"

namespace kith {

/// Where a walk comes into the graph: the entry for kinds with levels, else the nearest of the landmarks.
template <typename Scorer>
Candidate way_in(const GraphStore& graph, GraphEntry entry, const Scorer& scorer, Node nodes,
                 StepScratch& scratch, SearchStats& stats) {
  scratch.reserve(Landmarks::kMax + 1);
  scratch.nodes[0] = entry.node;
  size_t count = 1;
  if (!graph.options().levels) count += graph.landmarks().read(nodes, scratch.nodes.data() + 1);
  for (size_t i = 0; i < count; ++i) scratch.rows[i] = scorer.row(scratch.nodes[i]);
  scorer.score(scratch.rows.data(), count, scratch.distances.data());
  scorer.count(count, stats);
  const auto nearest = std::min_element(scratch.distances.begin(), scratch.distances.begin() + count);
  return {*nearest, scratch.nodes[nearest - scratch.distances.begin()]};
}

/// Offers the starts numbered from `first` on to `insert(distance, node)`.
template <typename Scorer, typename Insert>
void add_starts(const GraphStore& graph, const Scorer& scorer, uint64_t first, Node nodes,
                VisitedSet& visited, SearchStats& stats, Insert insert) {
  for (uint32_t i = 0; i < graph.options().starts; ++i) {
    const Node node = graph.start(first + i, nodes);
    if (node == kNoNode || !visited.insert(node)) continue;
    scorer.count(1, stats);
    insert(scorer.score_one(node), node);
  }
}

/// Offers `starts` and the landmarks among the nodes that a walk keeps to (`walks`) to `insert(distance,
/// node)`.
template <typename Scorer, typename Walks, typename Insert>
void add_label_starts(const GraphStore& graph, const Scorer& scorer, std::span<const Node> starts,
                      const Walks& walks, Node nodes, VisitedSet& visited, StepScratch& scratch,
                      SearchStats& stats, Insert insert) {
  scratch.reserve(static_cast<uint32_t>(Landmarks::kMax + starts.size()));
  const size_t landmarks = graph.landmarks().read(nodes, scratch.nodes.data());
  Node* const end = std::copy(starts.begin(), starts.end(), scratch.nodes.data() + landmarks);
  Node* const kept = std::remove_if(scratch.nodes.data(), end, [&](Node node) { return !walks(node); });
  const size_t count = visited.keep_fresh(scratch.nodes.data(), kept - scratch.nodes.data());
  for (size_t i = 0; i < count; ++i) scratch.rows[i] = scorer.row(scratch.nodes[i]);
  scorer.score(scratch.rows.data(), count, scratch.distances.data());
  scorer.count(count, stats);
  for (size_t i = 0; i < count; ++i) insert(scratch.distances[i], scratch.nodes[i]);
}

}  // namespace kith
