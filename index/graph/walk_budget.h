// WalkBudget: how much work a walk under a filter may take before a scan of the allowed rows is the better
// way on, and the pool that ends the walk there. Walks without a filter have neither.
#pragma once

#include <algorithm>
#include <cstdint>

#include "index/node.h"

namespace kith {

/// In distances, or other work of about their cost.
class WalkBudget {
 public:
  explicit WalkBudget(uint64_t distances = UINT64_MAX) : left_(distances) {}
  void take(uint64_t work) { left_ -= std::min(left_, work); }
  bool spent() const { return left_ == 0; }

 private:
  uint64_t left_;
};

/// A pool whose walk ends when the budget is spent, too.
template <typename Pool>
class BudgetedPool {
 public:
  BudgetedPool(Pool& pool, WalkBudget& budget) : pool_(pool), budget_(budget) {}

  template <typename Filter>
  void offer(const float* distances, const Node* nodes, size_t count, Filter& filter) {
    budget_.take(count);
    pool_.offer(distances, nodes, count, filter);
  }
  Node next() { return budget_.spent() ? kNoNode : pool_.next(); }
  Node peek() { return pool_.peek(); }

 private:
  Pool& pool_;
  WalkBudget& budget_;
};

}  // namespace kith
