// Clock: time as an argument, so that tests stop it, jump it by years, and replay. Durations and deadlines
// come from monotonic_ns; wall_ms is for what people read and may jump.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace kith {

/// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Nanoseconds since some fixed moment; never goes back.
  virtual uint64_t monotonic_ns() const = 0;
  /// Milliseconds since 1970-01-01 UTC.
  virtual int64_t wall_ms() const = 0;

  /// The machine's own, one per process.
  static const Clock& system();
};

namespace clock_internal {
class SystemClock final : public Clock {
 public:
  uint64_t monotonic_ns() const override {
    return static_cast<uint64_t>(
        std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count());
  }
  int64_t wall_ms() const override {
    using std::chrono::milliseconds;
    return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }
};
}  // namespace clock_internal

inline const Clock& Clock::system() {
  static const clock_internal::SystemClock clock;
  return clock;
}

/// Stands still until told otherwise.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(uint64_t monotonic_ns = 0, int64_t wall_ms = 0)
      : monotonic_ns_(monotonic_ns), wall_ms_(wall_ms) {}

  uint64_t monotonic_ns() const override { return monotonic_ns_.load(std::memory_order_acquire); }
  int64_t wall_ms() const override { return wall_ms_.load(std::memory_order_acquire); }

  /// Time passes: both clocks move.
  void advance_ms(uint64_t ms) {
    monotonic_ns_.fetch_add(ms * 1'000'000, std::memory_order_acq_rel);
    wall_ms_.fetch_add(static_cast<int64_t>(ms), std::memory_order_acq_rel);
  }
  /// Somebody sets the wall clock, back or forth; the monotonic clock does not notice.
  void jump_wall_ms(int64_t by_ms) { wall_ms_.fetch_add(by_ms, std::memory_order_acq_rel); }

 private:
  std::atomic<uint64_t> monotonic_ns_;
  std::atomic<int64_t> wall_ms_;
};

}  // namespace kith
