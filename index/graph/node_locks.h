// NodeLocks: a lock per node, striped: nodes share 4,096 one-byte spinlocks. A holder prunes one list
// (microseconds) and takes no second lock, so there is no deadlock and little waiting; whoever waits longer
// gives its CPU away.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "index/node.h"

namespace kith {

class NodeLocks {
 public:
  class Guard {
   public:
    explicit Guard(std::atomic<bool>& lock) : lock_(lock) {
      for (int spins = 0; lock_.exchange(true, std::memory_order_acquire); ++spins)
        if (spins > 64) std::this_thread::yield();
    }
    ~Guard() { lock_.store(false, std::memory_order_release); }
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

   private:
    std::atomic<bool>& lock_;
  };

  [[nodiscard]] Guard lock(Node node) { return Guard(locks_[(node * 2654435761u) >> 20]); }

 private:
  static constexpr size_t kStripes = 4096;  // 2^(32 - 20)
  std::unique_ptr<std::atomic<bool>[]> locks_ = std::make_unique<std::atomic<bool>[]>(kStripes);
};

}  // namespace kith
