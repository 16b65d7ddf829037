// RunningCalls: how many calls are being served, so that shutdown waits for work and not for idle connections
// (gRPC's own graceful shutdown waits until every connected client, however idle, has acknowledged it).
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kith {

class RunningCalls {
 public:
  /// False once draining; else `leave` must follow.
  bool enter() {
    std::lock_guard lock(mutex_);
    if (draining_) return false;
    ++running_;
    return true;
  }
  void leave() {
    std::lock_guard lock(mutex_);
    if (--running_ == 0) ended_.notify_all();
  }
  void drain(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    draining_ = true;
    ended_.wait_for(lock, patience, [this] { return running_ == 0; });
  }

  /// Holds one call; false when there is no entry any more.
  class Guard {
   public:
    explicit Guard(RunningCalls& calls) : calls_(calls.enter() ? &calls : nullptr) {}
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard() {
      if (calls_ != nullptr) calls_->leave();
    }
    explicit operator bool() const { return calls_ != nullptr; }

   private:
    RunningCalls* calls_;
  };

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable ended_;
  uint64_t running_ = 0;
  bool draining_ = false;
};

/// What a call gets that comes too late.
inline constexpr const char* kShuttingDown = "the server is shutting down; connect again when it is back";

}  // namespace kith
