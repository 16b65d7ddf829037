// Goal: who waits for the queue gets what was queued before, and gets it though more comes all the time.
// Method: a thread that publishes faster than nodes are linked, while another one drains.
#include "index/graph/link_queue.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

#include "tests/support/result_matchers.h"

namespace kith {
namespace {

class SlowWork final : public LinkQueue::Work {
 public:
  explicit SlowWork(size_t nodes) : linked_(nodes) {}
  void link(Node node) override {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    linked_[node].store(true, std::memory_order_release);
  }
  bool linked(Node node) const override { return linked_[node].load(std::memory_order_acquire); }

 private:
  std::vector<std::atomic<bool>> linked_;
};

TEST(LinkQueueConcurrency, DrainingWaitsForNothingThatComesMeanwhile) {
  constexpr Node kNodes = 20'000, kBefore = 100;
  SlowWork work(kNodes);
  ThreadPool pool(1);
  LinkQueue queue(work, &pool);
  std::atomic<bool> drained{false};
  queue.publish(kBefore);
  std::thread publisher([&] {
    for (Node end = kBefore; end < kNodes && !drained; end += 10) {
      queue.publish(end);
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
  EXPECT_OK(queue.drain({}));
  EXPECT_GT(queue.pending(), 0u) << "those that came meanwhile";
  EXPECT_GE(queue.prefix(), kBefore);
  drained = true;
  publisher.join();
  EXPECT_OK(queue.drain({}));
  EXPECT_EQ(queue.pending(), 0u);
}

}  // namespace
}  // namespace kith
