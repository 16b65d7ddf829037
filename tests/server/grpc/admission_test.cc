// Goal: requests in flight never cost more than the budget, and what is given back is there again.
// Method: tickets by hand for the rules; many threads against a small budget for the sum.
#include "server/grpc/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace kith {
namespace {

constexpr uint64_t kBudget = 1'000 * Admission::kCostPerByte;

TEST(Admission, RefusesOverTheBudgetAndTakesBack) {
  Admission admission(kBudget);
  {
    const auto first = admission.try_admit(600);
    EXPECT_TRUE(first);
    EXPECT_FALSE(admission.try_admit(401));
    const auto second = admission.try_admit(400);
    EXPECT_TRUE(second);
    EXPECT_FALSE(admission.try_admit(1));
    EXPECT_EQ(admission.used(), kBudget);
  }
  EXPECT_EQ(admission.used(), 0u);
}

TEST(Admission, OneOversizedRequestGoesAlone) {
  Admission admission(kBudget);
  const auto large = admission.try_admit(5'000);
  EXPECT_TRUE(large);
  EXPECT_FALSE(admission.try_admit(1));
}

TEST(Admission, WaitsUntilRoomOrUntilGivenUp) {
  Admission admission(kBudget);
  auto held = std::make_unique<Admission::Ticket>(admission.try_admit(1'000));
  EXPECT_FALSE(admission.admit(1, [] { return true; }));
  std::thread releaser([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    held.reset();
  });
  EXPECT_TRUE(admission.admit(1'000, [] { return false; }));
  releaser.join();
}

TEST(Admission, SumNeverPassesTheBudgetUnderThreads) {
  Admission admission(kBudget);
  std::atomic<uint64_t> most{0}, admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) {
        const auto ticket = admission.try_admit(300);
        if (!ticket) continue;
        admitted.fetch_add(1);
        const uint64_t now = admission.used();
        uint64_t seen = most.load();
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most.load(), kBudget);
  EXPECT_GT(admitted.load(), 0u);
  EXPECT_EQ(admission.used(), 0u);
}

}  // namespace
}  // namespace kith
