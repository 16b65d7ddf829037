// TopK: the k nearest of a stream of distances, as a max-heap whose root is the bound that the next one must
// beat. Equal distances are kept in row order, so the answer does not depend on the order of the stream.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "index/index.h"

namespace kith {

class TopK {
 public:
  explicit TopK(size_t k) : k_(k) { heap_.reserve(std::min<size_t>(k, 4096)); }

  /// A distance above this cannot enter; +infinity while fewer than k are held.
  float bound() const {
    if (heap_.size() < k_) return std::numeric_limits<float>::infinity();
    return k_ == 0 ? -std::numeric_limits<float>::infinity() : heap_.front().distance;
  }
  size_t size() const { return heap_.size(); }
  size_t capacity() const { return k_; }
  bool full() const { return heap_.size() == k_; }

  void push(Neighbor neighbor) {
    if (heap_.size() < k_) {
      heap_.push_back(neighbor);
      std::push_heap(heap_.begin(), heap_.end());
    } else if (k_ > 0 && neighbor < heap_.front()) {
      replace_root(neighbor);
    }
  }

  /// Nearest first; leaves the heap empty.
  std::vector<Neighbor> take() {
    std::sort_heap(heap_.begin(), heap_.end());
    return std::move(heap_);
  }

 private:
  void replace_root(Neighbor neighbor) {
    const size_t size = heap_.size();
    size_t hole = 0;
    for (size_t child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && heap_[child] < heap_[child + 1]) ++child;
      if (!(neighbor < heap_[child])) break;
      heap_[hole] = heap_[child];
      hole = child;
    }
    heap_[hole] = neighbor;
  }

  size_t k_;
  std::vector<Neighbor> heap_;
};

}  // namespace kith
