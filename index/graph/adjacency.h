// AdjacencyStore: neighbour lists of one fixed capacity, in extents, read without locks while they change.
//
// A list is `capacity` slots of u32: node + 1, or 0 where the list ends (so that zeroed memory is an empty
// list). A list takes a multiple of half a cache line; with 32 slots it is exactly two lines.
//
// Protocol: a writer holds the node's lock, writes slots with release stores, and everything about a node
// (vector, its own list) is written before its number is stored in any list. A reader loads slots with
// acquire and stops at 0. While a list is rewritten a reader may see old and new slots mixed, a neighbour
// twice, or a shorter list: each number it gets is that of a whole node, and a walk copes with any subset of
// a list. Nothing is ever freed.
#pragma once

#include <atomic>
#include <span>

#include "index/extent_store.h"

namespace kith {

using Slot = std::atomic<uint32_t>;
static_assert(Slot::is_always_lock_free && sizeof(Slot) == 4);

class AdjacencyStore {
 public:
  explicit AdjacencyStore(uint32_t capacity)
      : capacity_(capacity), extents_((capacity * sizeof(Slot) + 31) / 32 * 32) {}

  uint32_t capacity() const { return capacity_; }
  /// Of one list.
  size_t bytes() const { return extents_.stride(); }
  Result<void> grow(uint64_t lists) { return extents_.grow(lists); }
  Slot* list(uint64_t i) const { return reinterpret_cast<Slot*>(extents_.at(i)); }

  void prefetch(uint64_t i) const {
    const std::byte* at = extents_.at(i);
    for (size_t offset = 0; offset < extents_.stride(); offset += 64) __builtin_prefetch(at + offset);
  }

  bool has_any(uint64_t i) const { return list(i)->load(std::memory_order_acquire) != 0; }

  /// The neighbours in list `i`; `out` has room for capacity() of them.
  uint32_t read(uint64_t i, Node* out) const {
    const Slot* slots = list(i);
    uint32_t count = 0;
    for (; count < capacity_; ++count) {
      const uint32_t slot = slots[count].load(std::memory_order_acquire);
      if (slot == 0) break;
      out[count] = slot - 1;
    }
    return count;
  }

  /// Writes slot `position` (below capacity). The caller holds the node's lock.
  void set(uint64_t i, uint32_t position, Node neighbor) {
    list(i)[position].store(neighbor + 1, std::memory_order_release);
  }

  /// Replaces the whole list. The caller holds the node's lock.
  void assign(uint64_t i, std::span<const Node> neighbors) {
    Slot* slots = list(i);
    for (size_t position = 0; position < neighbors.size(); ++position)
      slots[position].store(neighbors[position] + 1, std::memory_order_release);
    for (size_t position = neighbors.size(); position < capacity_; ++position)
      slots[position].store(0, std::memory_order_release);
  }

 private:
  uint32_t capacity_;
  ExtentStore extents_;
};

}  // namespace kith
