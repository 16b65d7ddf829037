// CallStop: a gRPC call's deadline and cancellation as the Stop that searches poll.
//
// Asking gRPC whether a call was cancelled costs microseconds and a lock, searches ask every few hundred
// distances: so gRPC is asked at most once a millisecond, by one thread at a time. Safe from many threads;
// lives as long as the call.
#pragma once

#include <grpcpp/server_context.h>

#include <atomic>
#include <chrono>

#include "base/stop.h"

namespace kith {

class CallStop {
 public:
  explicit CallStop(const grpc::ServerContext& context) : context_(context), next_(now_us() + kEveryUs) {
    const auto left = context.deadline() - std::chrono::system_clock::now();
    if (left < std::chrono::hours(24 * 365)) {
      deadline_ =
          std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(left);
    }
  }
  CallStop(const CallStop&) = delete;
  CallStop& operator=(const CallStop&) = delete;

  Stop stop() const { return {deadline_, &CallStop::cancelled, this}; }

 private:
  static constexpr int64_t kEveryUs = 1'000;

  static int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }

  static bool cancelled(const void* self) { return static_cast<const CallStop*>(self)->ask(); }

  bool ask() const {
    if (cancelled_.load(std::memory_order_relaxed)) return true;
    const int64_t now = now_us();
    int64_t next = next_.load(std::memory_order_relaxed);
    if (now < next || !next_.compare_exchange_strong(next, now + kEveryUs)) return false;
    // Past the deadline gRPC cancels the call by itself; the deadline is then the better reason to give.
    if (std::chrono::steady_clock::now() >= deadline_ || !context_.IsCancelled()) return false;
    cancelled_.store(true, std::memory_order_relaxed);
    return true;
  }

  const grpc::ServerContext& context_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  mutable std::atomic<int64_t> next_;
  mutable std::atomic<bool> cancelled_{false};
};

}  // namespace kith
