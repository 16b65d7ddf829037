// TwoHopLayer: layer 0 as a walk sees it that keeps to nodes which pass a filter (ACORN-1: Patel et al.,
// SIGMOD 2024; its graph is an ordinary one). A node's neighbours that pass are its neighbours here; those
// that do not are not measured, but their own neighbours that pass are, until the list is full. So no work
// goes into rows that are no answers, and the graph of those that are hangs together as long as a node has
// some of them within two hops: down to about one row in twenty (docs/benchmarks.md).
//
// Where lists were compressed for this (ACORN-γ, select_recoverable.h) a neighbour past the first M_β stands
// for its own neighbours, too, whether it passes or not; those before need no bridge, since there are γ times
// as many nodes as a walk without a filter would want.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "index/graph/graph_store.h"
#include "index/graph/visited_set.h"
#include "index/graph/walk_budget.h"

namespace kith {

/// Memory of its steps; reused.
struct TwoHopScratch {
  std::vector<Node> near;     // neighbours of the node
  std::vector<Node> bridges;  // those of them that do not pass
  std::vector<Node> far;      // neighbours of one bridge

  void reserve(uint32_t degree) {
    if (far.size() >= degree) return;
    near.resize(degree);
    bridges.resize(degree);
    far.resize(degree);
  }
};

/// `Passes` is bool(Node); `visited` is that of the walk.
template <typename Passes>
class TwoHopLayer {
 public:
  TwoHopLayer(const GraphStore& graph, VisitedSet& visited, TwoHopScratch& scratch, WalkBudget& budget,
              Passes passes)
      : lists_(graph.base()),
        compressed_(graph.options().gamma > 1),
        verbatim_(graph.options().verbatim),
        most_(compressed_ ? std::min(2 * graph.options().links, lists_.capacity()) : lists_.capacity()),
        visited_(visited),
        scratch_(scratch),
        budget_(budget),
        passes_(std::move(passes)) {
    scratch.reserve(lists_.capacity());
  }

  uint32_t degree_max() const { return lists_.capacity(); }
  void prefetch(Node node) const { lists_.prefetch(node); }

  /// The neighbours here of a node, those not visited yet, into `out` with room for degree_max; how many.
  size_t read_fresh(Node node, VisitedSet& /*the same*/, Node* out) const {
    Node* const near = scratch_.near.data();
    Node* const bridges = scratch_.bridges.data();
    const size_t degree = lists_.read(node, near);
    const size_t direct = compressed_ ? std::min<size_t>(verbatim_, degree) : degree;
    const size_t first = visited_.keep_fresh(near, direct);
    const size_t rest = visited_.keep_fresh(near + direct, degree - direct);
    size_t count = 0, apart = 0;
    const auto add_bridge = [&](Node neighbor) {
      lists_.prefetch(neighbor);
      bridges[apart++] = neighbor;
    };
    for (const Node neighbor : std::span(near, first)) {
      if (passes_(neighbor)) {
        out[count++] = neighbor;
      } else if (!compressed_) {
        add_bridge(neighbor);
      }
    }
    for (const Node neighbor : std::span(near + direct, rest)) {
      if (passes_(neighbor)) out[count++] = neighbor;
      add_bridge(neighbor);
    }
    size_t crossed = 0;
    while (crossed < apart && count < most_) count = cross(bridges[crossed++], out, count);
    crossed_ += crossed;
    budget_.take(crossed * kListWork);
    return count;
  }

  /// Nodes that do not pass whose lists were read.
  uint64_t crossed() const { return crossed_; }

 private:
  static constexpr uint64_t kListWork = 2;  // a list and the tests of its nodes, in distances

  size_t cross(Node bridge, Node* out, size_t count) const {
    Node* const far = scratch_.far.data();
    const uint32_t degree = lists_.read(bridge, far);
    for (uint32_t i = 0; i < degree && count < most_; ++i)
      if (!visited_.contains(far[i]) && passes_(far[i]) && visited_.insert(far[i])) out[count++] = far[i];
    return count;
  }

  const AdjacencyStore& lists_;
  bool compressed_;
  uint32_t verbatim_;
  uint32_t most_;  // that a list has here once bridges are crossed
  VisitedSet& visited_;
  TwoHopScratch& scratch_;
  WalkBudget& budget_;
  Passes passes_;
  mutable uint64_t crossed_ = 0;
};

}  // namespace kith
