// Admission: bounds the memory that requests being served may take, all connections together.
//
// A request is charged kCostPerByte times its wire size from before it is parsed until it is answered: the
// wire buffer, the parsed message and the converted points stand in memory at the same time. Calls are
// refused at once when the budget is spent (the client should retry); bulk streams wait, which stops their
// reading. One request over the whole budget is admitted alone.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kith {

class Admission {
 public:
  explicit Admission(uint64_t budget_bytes) : budget_(budget_bytes) {}
  Admission(const Admission&) = delete;
  Admission& operator=(const Admission&) = delete;

  static constexpr uint64_t kCostPerByte = 3;

  /// Gives its bytes back when it goes.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Admission* owner, uint64_t bytes) : owner_(owner), bytes_(bytes) {}
    Ticket(Ticket&& other) noexcept : owner_(other.owner_), bytes_(other.bytes_) { other.owner_ = nullptr; }
    Ticket& operator=(Ticket&&) = delete;
    ~Ticket() {
      if (owner_ != nullptr) owner_->release(bytes_);
    }
    explicit operator bool() const { return owner_ != nullptr; }

   private:
    Admission* owner_ = nullptr;
    uint64_t bytes_ = 0;
  };

  /// An empty ticket when the budget is spent.
  Ticket try_admit(uint64_t wire_bytes) {
    std::lock_guard lock(mutex_);
    return take(wire_bytes * kCostPerByte);
  }

  /// Waits for room; an empty ticket once `give_up()` is true (asked every 20 ms).
  template <typename GiveUp>
  Ticket admit(uint64_t wire_bytes, GiveUp give_up) {
    std::unique_lock lock(mutex_);
    while (true) {
      Ticket ticket = take(wire_bytes * kCostPerByte);
      if (ticket || give_up()) return ticket;
      released_.wait_for(lock, std::chrono::milliseconds(20));
    }
  }

  uint64_t used() const {
    std::lock_guard lock(mutex_);
    return used_;
  }

 private:
  Ticket take(uint64_t bytes) {
    if (used_ != 0 && (bytes > budget_ || used_ > budget_ - bytes)) return {};
    used_ += bytes;
    return {this, bytes};
  }

  void release(uint64_t bytes) {
    {
      std::lock_guard lock(mutex_);
      used_ -= bytes;
    }
    released_.notify_all();
  }

  const uint64_t budget_;
  mutable std::mutex mutex_;  // guards used_
  std::condition_variable released_;
  uint64_t used_ = 0;
};

}  // namespace kith
