// Goal: who waits for the queue gets what was queued before, and gets it though more comes all the time.
// Method: with each node that is linked ten more are queued.
#include "index/graph/link_queue.h"

#include <gtest/gtest.h>

#include <mutex>
#include <vector>

#include "tests/support/result_matchers.h"

namespace kith {
namespace {

class GrowingWork final : public LinkQueue::Work {
 public:
  explicit GrowingWork(uint64_t most) : linked_(most) {}
  void begin(LinkQueue& queue, uint64_t end) {
    queue_ = &queue;
    end_ = end;
    queue.publish(end);
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    grows_ = false;
  }
  void link(uint64_t node) override {
    linked_[node].store(true, std::memory_order_release);
    const std::lock_guard lock(mutex_);  // one publishes at a time
    if (!grows_ || end_ + 10 > linked_.size()) return;
    queue_->publish(end_ += 10);
  }
  bool linked(uint64_t node) const override { return linked_[node].load(std::memory_order_acquire); }

 private:
  std::vector<std::atomic<bool>> linked_;
  std::mutex mutex_;
  LinkQueue* queue_ = nullptr;
  uint64_t end_ = 0;   // guarded by mutex_
  bool grows_ = true;  // guarded by mutex_
};

TEST(LinkQueueConcurrency, DrainingWaitsForNothingThatComesMeanwhile) {
  constexpr uint64_t kMost = 20'000'000, kBefore = 100;
  GrowingWork work(kMost);
  ThreadPool pool(1);
  LinkQueue queue(work, &pool);
  work.begin(queue, kBefore);
  EXPECT_OK(queue.drain({}));
  work.stop();
  EXPECT_LT(queue.prefix(), kMost) << "not all that came meanwhile";
  EXPECT_GE(queue.prefix(), kBefore);
  EXPECT_OK(queue.drain({}));
  EXPECT_EQ(queue.pending(), 0u);
}

}  // namespace
}  // namespace kith
