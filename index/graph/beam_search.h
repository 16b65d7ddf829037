// beam_search: best-first walk over a proximity graph, the one loop under every graph kind (SEARCH-LAYER,
// Algorithm 2 of Malkov and Yashunin, TPAMI 2018/20; GreedySearch of Vamana).
//
// A step expands one node: its unvisited neighbours are gathered first, their first cache lines on the way,
// then measured by one call of the batch kernel, then offered to the pool. So cache misses of a whole list
// overlap and the kernel's call costs nothing per row.
#pragma once

#include <concepts>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/schedule.h"
#include "base/stop.h"
#include "index/graph/candidate_pool.h"
#include "index/graph/visited_set.h"
#include "index/stats.h"

namespace kith {

/// Writes neighbours that were not visited yet to `out`, and marks them.
template <typename G>
concept FreshNeighborGraph = requires(const G& graph, Node node, VisitedSet& visited, Node* out) {
  { graph.read_fresh(node, visited, out) } -> std::convertible_to<size_t>;
};

template <typename G>
concept NeighborGraph = requires(const G& graph, Node node, Node* out) {
  { graph.degree_max() } -> std::convertible_to<uint32_t>;
  requires FreshNeighborGraph<G> || requires {
    { graph.read(node, out) } -> std::convertible_to<uint32_t>;  // neighbours written to out
  };
  graph.prefetch(node);
};

template <typename S>
concept NodeScorer = requires(const S& scorer, Node node, const void** rows, size_t count, float* out,
                              SearchStats& stats) {
  { scorer.row(node) } -> std::convertible_to<const void*>;
  scorer.prefetch(rows[0]);
  scorer.score(rows, count, out);
  scorer.count(count, stats);  // as full or code distances
};

template <typename F>
concept NodeFilter = requires(F& filter, Node node) {
  { filter(node) } -> std::convertible_to<bool>;
};

template <typename P>
concept CandidatePool = requires(P& pool, const float* distances, const Node* nodes, bool (&filter)(Node)) {
  pool.offer(distances, nodes, size_t{1}, filter);
  { pool.next() } -> std::same_as<Node>;
  { pool.peek() } -> std::same_as<Node>;
};

/// The filter of walks that may return every node; the compiler removes it.
struct AllNodes {
  constexpr bool operator()(Node) const { return true; }
};

/// Working memory of one step.
struct StepScratch {
  std::vector<Node> nodes;
  std::vector<const void*> rows;
  std::vector<float> distances;

  void reserve(uint32_t degree_max) {
    if (distances.size() >= degree_max) return;
    nodes.resize(degree_max);
    rows.resize(degree_max);
    distances.resize(degree_max);  // last: when memory ran out before, the next reserve sees it
  }
};

namespace graph {

/// Gathers the neighbours of `node` not visited yet into scratch.nodes and scratch.rows; returns how many.
template <NeighborGraph Graph, NodeScorer Scorer>
inline size_t gather_unvisited(const Graph& graph, const Scorer& scorer, Node node, VisitedSet& visited,
                               StepScratch& scratch) {
  Node* nodes = scratch.nodes.data();
  const void** rows = scratch.rows.data();
  size_t count = 0;
  if constexpr (FreshNeighborGraph<Graph>) {
    count = graph.read_fresh(node, visited, nodes);
  } else {
    count = visited.keep_fresh(nodes, graph.read(node, nodes));
  }
  for (size_t i = 0; i < count; ++i) {
    rows[i] = scorer.row(nodes[i]);
    scorer.prefetch(rows[i]);
  }
  return count;
}

}  // namespace graph

/// Walks from the candidates already in `pool` (they are marked in `visited` by the caller) until the pool
/// has nothing left to expand. `stop` is asked every 32 steps.
template <NeighborGraph Graph, NodeScorer Scorer, NodeFilter Filter, CandidatePool Pool>
Result<void> beam_search(const Graph& graph, const Scorer& scorer, Filter&& filter, Pool& pool,
                         VisitedSet& visited, StepScratch& scratch, const Stop& stop, SearchStats& stats) {
  scratch.reserve(graph.degree_max());
  uint64_t steps = 0;
  uint64_t measured = 0;
  for (Node node = pool.next(); node != kNoNode; node = pool.next()) {
    if (++steps % 32 == 0) TRY(stop.check());
    schedule_point();
    const size_t count = graph::gather_unvisited(graph, scorer, node, visited, scratch);
    if (const Node next = pool.peek(); next != kNoNode) graph.prefetch(next);
    scorer.score(scratch.rows.data(), count, scratch.distances.data());
    measured += count;
    pool.offer(scratch.distances.data(), scratch.nodes.data(), count, filter);
  }
  stats.hops += steps;
  scorer.count(measured, stats);
  return {};
}

}  // namespace kith
