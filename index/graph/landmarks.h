// Landmarks: nodes spread over a graph without levels, the nearest of which is where a walk begins. They do
// what upper layers do, in one call of the kernel over rows that every search touches and that therefore stay
// in the cache; a single medoid costs several hops more, and on clustered data the walk of a small beam may
// never leave the medoid's cluster. (Random starts among which the best is taken: the survey of Wang et al.,
// PVLDB 2021, C4 and C6.)
//
// One writer at a time; readers take what they find: each number is that of a node of the graph.
#pragma once

#include <array>
#include <atomic>

#include "index/node.h"

namespace kith {

class Landmarks {
 public:
  static constexpr uint32_t kMax = 64;

  /// Those below `nodes`; `out` has room for kMax.
  size_t read(Node nodes, Node* out) const {
    const uint32_t count = count_.load(std::memory_order_acquire);
    size_t used = 0;
    for (uint32_t i = 0; i < count; ++i) {
      out[used] = nodes_[i].load(std::memory_order_acquire);
      used += out[used] < nodes;
    }
    return used;
  }
  void set(uint32_t position, Node node) { nodes_[position].store(node, std::memory_order_release); }
  void replace(Node node, Node by) {
    for (std::atomic<Node>& one : nodes_) {
      Node same = node;
      one.compare_exchange_strong(same, by, std::memory_order_acq_rel);
    }
  }
  /// After the first `count` have been set.
  void resize(uint32_t count) { count_.store(count, std::memory_order_release); }

 private:
  std::array<std::atomic<Node>, kMax> nodes_{};
  std::atomic<uint32_t> count_{0};
};

}  // namespace kith
