// GracePeriod: tells when all readers of before are gone, so that what they may have found can be used again.
// Readers count themselves in one of two counters; a turn sends those that come to the other one, and is over
// once the first is back at zero (McKenney's sleepable RCU). Nobody waits for anybody: a reader that stays
// makes things be used again later.
//
// All that was done before a turn is seen by readers that it does not wait for; all that readers did that it
// waited for has been done when it is over. Turns are one after the other, for all that ask for one. Any
// threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/schedule.h"

namespace kith {

class GracePeriod {
 public:
  /// Within its lifetime a thread reads.
  class Reader {
   public:
    explicit Reader(GracePeriod& grace) : inside_(grace.enter()) {}
    ~Reader() { inside_.fetch_sub(1, std::memory_order_seq_cst); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

   private:
    std::atomic<uint64_t>& inside_;
  };

  /// The number of a turn that waits for all that read now. It begins here, or where `over` finds that the
  /// one before it is over.
  uint64_t begin_turn() {
    const std::lock_guard lock(turning_);
    if (!quiet()) return turn_.load() + 1;
    turn();
    return turn_.load();
  }
  bool over(uint64_t number) {
    const std::lock_guard lock(turning_);
    if (turn_.load() < number && quiet()) turn();
    return turn_.load() > number || (turn_.load() == number && quiet());
  }

 private:
  /// The turn before is over.
  void turn() {
    turn_.fetch_add(1, std::memory_order_seq_cst);
    schedule_point();
  }
  /// Whether the last turn is over.
  bool quiet() const { return inside_[1 - (turn_.load() & 1)].count.load(std::memory_order_seq_cst) == 0; }

  /// Who counts itself just after a turn, on the side that it left, sees that and counts itself anew.
  std::atomic<uint64_t>& enter() {
    while (true) {
      const uint64_t turn = turn_.load(std::memory_order_seq_cst);
      schedule_point();
      std::atomic<uint64_t>& inside = inside_[turn & 1].count;
      inside.fetch_add(1, std::memory_order_seq_cst);
      schedule_point();
      if (turn_.load(std::memory_order_seq_cst) == turn) return inside;
      inside.fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  struct alignas(64) Inside {
    std::atomic<uint64_t> count{0};
  };
  Inside inside_[2];
  std::mutex turning_;
  std::atomic<uint64_t> turn_{0};  // changed under turning_
};

}  // namespace kith
