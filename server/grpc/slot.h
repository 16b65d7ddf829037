// Slot: one place among a bounded number of calls of a kind, taken while it lives.
#pragma once

#include <atomic>
#include <cstdint>

namespace kith {

class Slot {
 public:
  /// False when `max` others are alive; it counts all the same until it goes.
  Slot(std::atomic<uint32_t>& taken, uint64_t max) : taken_(taken), got_(taken.fetch_add(1) < max) {}
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() { taken_.fetch_sub(1); }
  explicit operator bool() const { return got_; }

 private:
  std::atomic<uint32_t>& taken_;
  const bool got_;
};

}  // namespace kith
