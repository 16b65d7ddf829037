// MemoryBudget: how much memory a part of Kith may hold, as a tree (node → collection). Bytes reserved from a
// budget are reserved from all budgets above it, or from none. Reserve before allocating: over the limit the
// answer is a ResourceExhausted that names the budget, never an out-of-memory kill.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace kith {

class MemoryBudget;

/// Holds reserved bytes and gives them back when destroyed. One thread at a time.
class MemoryReservation {
 public:
  MemoryReservation() = default;
  MemoryReservation(MemoryReservation&& other) noexcept
      : budget_(std::exchange(other.budget_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryReservation& operator=(MemoryReservation&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryReservation();

  uint64_t bytes() const { return bytes_; }
  /// Grows or shrinks to `bytes`; unchanged on error. Shrinking never fails. FailedPrecondition on an empty
  /// reservation.
  Result<void> resize(uint64_t bytes, std::string_view use);
  /// Grows or shrinks to what was found to be in use, over the limits too: then nothing more is given.
  void record(uint64_t bytes);

 private:
  friend class MemoryBudget;
  MemoryReservation(MemoryBudget* budget, uint64_t bytes) : budget_(budget), bytes_(bytes) {}

  MemoryBudget* budget_ = nullptr;
  uint64_t bytes_ = 0;
};

/// Thread-safe, lock-free. Outlives its reservations and children.
class MemoryBudget {
 public:
  static constexpr uint64_t kUnlimited = UINT64_MAX;

  MemoryBudget(std::string name, uint64_t limit_bytes, MemoryBudget* parent = nullptr)
      : name_(std::move(name)), limit_(limit_bytes), parent_(parent) {}
  ~MemoryBudget() { CHECK(used() == 0); }
  MemoryBudget(const MemoryBudget&) = delete;
  MemoryBudget& operator=(const MemoryBudget&) = delete;

  /// `use` says in the error what the bytes were for, e.g. "extent 3 of field 'image'".
  Result<MemoryReservation> reserve(uint64_t bytes, std::string_view use);
  /// Of nothing, to be grown.
  MemoryReservation none() { return MemoryReservation(this, 0); }

  const std::string& name() const { return name_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  /// Below what is used: nothing is taken away, but nothing more is given.
  void set_limit(uint64_t limit_bytes) { limit_.store(limit_bytes, std::memory_order_relaxed); }

 private:
  friend class MemoryReservation;
  Result<void> take(uint64_t bytes, std::string_view use);
  Result<void> take_here(uint64_t bytes, std::string_view use);
  void add(uint64_t bytes);
  void give_back(uint64_t bytes);

  const std::string name_;
  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> used_{0};
  MemoryBudget* const parent_;
};

}  // namespace kith
