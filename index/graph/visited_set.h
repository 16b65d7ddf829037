// VisitedSet: which nodes a walk has seen. One u16 stamp a node: a node is seen when its stamp is the current
// epoch, so that starting over costs one increment, and one sweep of the array every 65,535 walks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "index/node.h"

namespace kith {

class VisitedSet {
 public:
  /// Forgets all; nodes [0, nodes) can be inserted afterwards.
  void reset(Node nodes) {
    if (stamps_.size() < nodes)
      stamps_.resize(std::max<size_t>(nodes, stamps_.size() + stamps_.size() / 2), 0);
    nodes_ = nodes;
    if (++epoch_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), uint16_t{0});
      epoch_ = 1;
    }
  }

  /// True the first time. False for nodes that came after reset: a walk sees the graph of its start.
  bool insert(Node node) {
    if (node >= nodes_) [[unlikely]]
      return false;
    uint16_t& stamp = stamps_.data()[node];
    const bool fresh = stamp != epoch_;
    stamp = epoch_;
    return fresh;
  }

  bool contains(Node node) const { return node < nodes_ && stamps_.data()[node] == epoch_; }
  void prefetch(Node node) const { __builtin_prefetch(stamps_.data() + node, 1); }

 private:
  std::vector<uint16_t> stamps_;
  Node nodes_ = 0;
  uint16_t epoch_ = 0;
};

}  // namespace kith
