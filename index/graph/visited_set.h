// VisitedSet: which nodes a walk has seen: one bit a node, so that even of a million nodes it stays in the L2
// cache. Starting over clears the words that the last walk touched.
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
    if (used_ > words_.size()) {
      std::fill(words_.begin(), words_.end(), 0);
    } else {
      for (size_t i = 0; i < used_; ++i) words_.data()[touched_.data()[i]] = 0;
    }
    used_ = 0;
    const size_t words = (size_t{nodes} + 63) / 64;
    if (words_.size() < words) words_.resize(std::max(words, words_.size() + words_.size() / 2), 0);
    nodes_ = nodes;
  }

  /// True the first time. False for nodes that came after reset: a walk sees the graph of its start.
  bool insert(Node node) { return keep_fresh(&node, 1) == 1; }

  /// Inserts `count` nodes and leaves those seen for the first time at the front, in their order; how many.
  /// Without branches: whether a node is new is as good as a coin's throw.
  size_t keep_fresh(Node* nodes, size_t count) {
    if (touched_.size() < used_ + count) touched_.resize(std::max(used_ + count, 2 * touched_.size()));
    uint64_t* words = words_.data();
    uint32_t* touched = touched_.data() + used_;
    size_t fresh = 0;
    for (size_t i = 0; i < count; ++i) {
      const Node node = nodes[i];
      if (node >= nodes_) [[unlikely]]
        continue;
      const uint32_t word = node / 64;
      const uint64_t old = words[word];
      words[word] = old | uint64_t{1} << (node % 64);
      nodes[fresh] = node;
      touched[fresh] = word;
      fresh += ~(old >> (node % 64)) & 1;
    }
    used_ += fresh;
    return fresh;
  }

  bool contains(Node node) const { return node < nodes_ && (words_[node / 64] >> (node % 64) & 1) != 0; }

 private:
  std::vector<uint64_t> words_;
  std::vector<uint32_t> touched_;  // indexes of words; the first used_ count
  size_t used_ = 0;
  Node nodes_ = 0;
};

}  // namespace kith
