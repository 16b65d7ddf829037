// Slot: one place among a bounded number of calls of a kind, taken until it is freed or goes.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace kith {

class Slot {
 public:
  /// False when `max` others are alive; it counts all the same until it goes.
  Slot(std::atomic<uint32_t>& taken, uint64_t max) : taken_(&taken), got_(taken.fetch_add(1) < max) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { free(); }
  explicit operator bool() const { return got_; }
  /// A reactor calls it before Finish: a client that saw the end of its call may open the next at once.
  void free() {
    if (std::atomic<uint32_t>* taken = std::exchange(taken_, nullptr)) taken->fetch_sub(1);
  }

 private:
  std::atomic<uint32_t>* taken_;  // null once freed
  const bool got_;
};

}  // namespace kith
