// ReusedQueue: the nodes that were used again and wait to be linked. New nodes wait as a range of numbers;
// these have any, so they are in a ring, in the order in which they came, which searches scan beside that
// range.
#pragma once

#include <atomic>
#include <memory>
#include <span>

#include "base/schedule.h"
#include "index/graph/link_queue.h"

namespace kith {

class ReusedQueue final : private LinkQueue::Work {
 public:
  static constexpr uint64_t kCapacity = in_schedules(8, 1 << 14);

  /// What links nodes by their numbers outlives the queue, as `pool` (may be null) does.
  ReusedQueue(LinkQueue::Work& by_node, ThreadPool* pool) : by_node_(by_node), queue_(*this, pool) {}

  /// Returns when there is room for so many, kCapacity at most. The writer, before it touches the nodes: what
  /// is used again while it stands in the ring from before holds its place until it is linked anew.
  void make_room(size_t count) {
    const uint64_t end = queue_.end() + count;
    if (end > kCapacity) queue_.wait_for_prefix(end - kCapacity);
  }
  size_t room() const { return kCapacity - (queue_.end() - queue_.prefix()); }
  /// Nodes, for which there is room, are to be linked.
  void publish(std::span<const Node> nodes) {
    const uint64_t end = queue_.end();
    if (ring_ == nullptr) ring_ = std::make_unique<std::atomic<Node>[]>(kCapacity);
    for (size_t i = 0; i < nodes.size(); ++i)
      ring_[(end + i) % kCapacity].store(nodes[i], std::memory_order_relaxed);
    queue_.publish(end + nodes.size());
  }
  void wait_at_most(uint64_t count) { queue_.wait_at_most(count); }
  Result<void> drain(const Stop& stop) { return queue_.drain(stop); }
  uint64_t pending() const { return queue_.pending(); }

  /// Visits all nodes that wait, and some that do not.
  template <typename Visit>
  void for_each(Visit visit) const {
    uint64_t position = queue_.prefix();
    for (const uint64_t end = queue_.end(); position < end; ++position) visit(at(position));
  }

 private:
  Node at(uint64_t position) const { return ring_[position % kCapacity].load(std::memory_order_relaxed); }
  void link(uint64_t position) override { by_node_.link(at(position)); }
  bool linked(uint64_t position) const override { return by_node_.linked(at(position)); }

  LinkQueue::Work& by_node_;
  std::unique_ptr<std::atomic<Node>[]> ring_;  // made before the first position is published
  LinkQueue queue_;
};

}  // namespace kith
