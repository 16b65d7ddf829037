// NestedStore: what a graph with labels=nested has besides the ordinary one (UNG: Cai et al., SIGMOD 2025):
// two more lists a node. `inside` leads to rows of its group (label_groups.h): the groups are Vamana graphs
// of their own, each with a spanning tree of edges, both ways, that no pruning drops. `above` leads to rows
// of groups of all its labels and more. So whoever follows these lists from rows that are asked for meets no
// other.
//
// Its nodes are those of the ordinary graph and, of each chain of equal vectors, the first with labels that
// those before it do not have: a chain counts as one node for each of its sets of labels.
//
// Threads: as GraphStore, under its locks.
#pragma once

#include <atomic>
#include <span>
#include <unordered_set>
#include <vector>

#include "index/graph/adjacency.h"
#include "index/graph/label_groups.h"
#include "index/graph/list_marks.h"

namespace kith {

/// Lists with a mark for each edge that no pruning drops.
class MarkedLists {
 public:
  explicit MarkedLists(uint32_t capacity) : lists_(capacity), marks_(ListMarks::bytes(capacity)) {}

  Result<void> grow(Node count) {
    TRY(lists_.grow(count));
    return marks_.grow(count);
  }
  AdjacencyStore& lists() { return lists_; }
  const AdjacencyStore& lists() const { return lists_; }
  /// The caller holds the node's lock, or is alone.
  void clear(Node node) {
    lists_.assign(node, {});
    ListMarks all = marks(node);
    for (uint32_t i = 0; i < capacity(); ++i) all.set_forced(i, false);
  }
  /// Drops its edges to what `keep` does not want. The caller is alone.
  template <typename Keep>
  void keep_edges(Node node, Keep keep) {
    std::vector<Node> ids(capacity());
    const uint32_t count = lists_.read(node, ids.data());
    ListMarks all = marks(node);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (!keep(ids[i])) continue;
      all.set_forced(kept, all.forced(i));
      ids[kept++] = ids[i];
    }
    for (uint32_t i = kept; i < count; ++i) all.set_forced(i, false);
    lists_.assign(node, std::span(ids).first(kept));
  }
  /// Guarded by the node's lock.
  ListMarks marks(Node node) const { return {marks_.at(node)}; }
  uint32_t capacity() const { return lists_.capacity(); }
  /// Of one node.
  size_t bytes() const { return lists_.bytes() + marks_.stride(); }

 private:
  AdjacencyStore lists_;
  ExtentStore marks_;
};

class NestedStore {
 public:
  static constexpr uint32_t kSlots = 32;  // of a list
  static constexpr uint32_t kKept = 24;   // that pruning leaves of one that was full
  static constexpr uint32_t kStay = 16;   // that no pruning drops, at most

  NestedStore(const LabelTable& labels, uint32_t groups_max) : groups(labels, groups_max) {}

  Result<void> grow(Node count) {
    TRY(inside.grow(count));
    return above.grow(count);
  }
  /// Takes a node out of the lists; edges to it stay.
  void clear(Node node) {
    inside.clear(node);
    above.clear(node);
  }
  template <typename Keep>
  void keep_edges(Node node, Keep keep) {
    inside.keep_edges(node, keep);
    above.keep_edges(node, keep);
  }
  size_t node_bytes() const { return inside.bytes() + above.bytes(); }

  /// Whether a vector that hangs at `representative` is the first in its chain with a set of labels, other
  /// than the representative's. True once. Calls come one at a time, in the order of the chain: from
  /// GraphStore::add_equal.
  bool claim(Node representative, LabelSetNumber set) {
    const bool first = claimed_.insert(uint64_t{representative} << 32 | set).second;
    if (first) claimed_bytes_.fetch_add(kClaimBytes, std::memory_order_relaxed);
    return first;
  }
  /// Besides node_bytes a node.
  uint64_t memory() const { return groups.memory() + claimed_bytes_.load(std::memory_order_relaxed); }

  MarkedLists inside{kSlots};
  MarkedLists above{kSlots};
  LabelGroups groups;

 private:
  static constexpr uint64_t kClaimBytes = 32;  // about

  std::atomic<uint64_t> claimed_bytes_{0};
  std::unordered_set<uint64_t> claimed_;  // representative and set
};

}  // namespace kith
