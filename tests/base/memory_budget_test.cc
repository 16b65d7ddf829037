// Goal: no budget of the tree is ever exceeded, and every byte comes back. Method: exact limits at each
// level, then threads that reserve and free at random under a limit they must compete for.
#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/random.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

TEST(MemoryBudget, CountsAtEveryLevel) {
  MemoryBudget node("node", 1000);
  MemoryBudget docs("collection 'docs'", 600, &node), images("collection 'images'", 600, &node);
  ASSERT_VALUE(first, docs.reserve(600, "vectors"));
  EXPECT_ERROR(docs.reserve(1, "graph"), Code::kResourceExhausted,
               "memory budget 'collection 'docs'': graph needs 1 bytes, 600 of 600 are used");
  EXPECT_ERROR(images.reserve(401, "vectors"), Code::kResourceExhausted, "memory budget 'node'");
  EXPECT_EQ(images.used(), 0u) << "what the parent refuses is given back here";
  ASSERT_VALUE(second, images.reserve(400, "vectors"));
  EXPECT_EQ(node.used(), 1000u);
  { const MemoryReservation gone = std::move(first); }
  EXPECT_EQ(node.used(), 400u);
  EXPECT_EQ(docs.used(), 0u);
  EXPECT_EQ(second.bytes(), 400u);
}

TEST(MemoryBudget, WhatIsFoundInUseCountsOverTheLimitToo) {
  MemoryBudget node("node", 100);
  MemoryBudget docs("collection 'docs'", MemoryBudget::kUnlimited, &node);
  MemoryReservation held = docs.none();
  held.record(130);
  EXPECT_EQ(node.used(), 130u);
  EXPECT_ERROR(docs.reserve(1, "points"), Code::kResourceExhausted, "130 of 100 are used");
  EXPECT_ERROR(docs.reserve(0, "points"), Code::kResourceExhausted, "130 of 100 are used");
  held.record(99);
  EXPECT_OK(docs.reserve(1, "points"));
  node.set_limit(200);
  EXPECT_OK(docs.reserve(101, "points"));
  EXPECT_EQ(docs.used(), 99u);
}

TEST(MemoryBudget, ResizeGrowsShrinksAndFailsUnchanged) {
  MemoryBudget node("node", 100);
  ASSERT_VALUE(reservation, node.reserve(10, "x"));
  EXPECT_OK(reservation.resize(100, "x"));
  EXPECT_ERROR(reservation.resize(101, "extent 3"), Code::kResourceExhausted, "extent 3 needs 1 bytes");
  EXPECT_EQ(reservation.bytes(), 100u);
  EXPECT_OK(reservation.resize(5, "x"));
  EXPECT_EQ(node.used(), 5u);
  EXPECT_ERROR(MemoryReservation().resize(5, "x"), Code::kFailedPrecondition, "no memory budget");
}

TEST(MemoryBudget, HugeWishesDoNotWrap) {
  MemoryBudget node("node", MemoryBudget::kUnlimited);
  ASSERT_VALUE(some, node.reserve(10, "x"));
  EXPECT_ERROR(node.reserve(UINT64_MAX, "x"), Code::kResourceExhausted, "node");
  EXPECT_EQ(node.used(), 10u);
  EXPECT_EQ(some.bytes(), 10u);
}

TEST(MemoryBudget, ALoweredLimitTakesNothingAway) {
  MemoryBudget node("node", 100);
  ASSERT_VALUE(held, node.reserve(80, "x"));
  node.set_limit(50);
  EXPECT_ERROR(node.reserve(1, "x"), Code::kResourceExhausted, "80 of 50");
  EXPECT_EQ(held.bytes(), 80u);
}

TEST(MemoryBudget, ThreadsNeverExceedIt) {
  MemoryBudget node("node", 1000);
  MemoryBudget child("child", 900, &node);
  std::atomic<uint64_t> refused{0}, granted{0};
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      Random random(t);
      std::vector<MemoryReservation> held;
      for (int i = 0; i < 5'000; ++i) {
        Result<MemoryReservation> got = (i % 2 == 0 ? child : node).reserve(random.below(200), "x");
        got.ok() ? ++granted : ++refused;
        if (got.ok()) held.push_back(std::move(got).value());
        EXPECT_LE(child.used(), 900u);
        EXPECT_LE(node.used(), 1000u);
        if (held.size() > 20) held.erase(held.begin());
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(node.used(), 0u);
  EXPECT_EQ(child.used(), 0u);
  EXPECT_GT(refused.load(), 0u);
  EXPECT_GT(granted.load(), 0u);
}

}  // namespace
}  // namespace kith
