// Goal: every task and every index of a loop runs exactly once, whatever calls nest, and destruction waits.
// Method: counts under contention; loops inside tasks and loops of one pool on as few threads as could
// deadlock. Run under TSan.
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

namespace kith {
namespace {

TEST(ThreadPool, RunsEveryTaskBeforeItIsGone) {
  std::atomic<int> ran{0};
  {
    ThreadPool pool(3);
    EXPECT_EQ(pool.threads(), 3u);
    for (int i = 0; i < 1000; ++i) pool.submit([&] { ++ran; });
  }
  EXPECT_EQ(ran.load(), 1000);
}

TEST(ThreadPool, TasksMaySubmitTasksWhileItCloses) {
  std::atomic<int> ran{0};
  {
    ThreadPool pool(2);
    for (int i = 0; i < 100; ++i)
      pool.submit([&] {
        ++ran;
        pool.submit([&] { ++ran; });
      });
  }
  EXPECT_EQ(ran.load(), 200);
}

TEST(ThreadPool, ZeroMeansOnePerCpu) {
  EXPECT_EQ(ThreadPool(0).threads(), std::max(1u, std::thread::hardware_concurrency()));
}

TEST(ThreadPool, ALoopVisitsEveryIndexOnce) {
  ThreadPool pool(4);
  for (const size_t count : {0, 1, 2, 3, 17, 1000, 4097})
    for (const size_t grain : {0, 1, 3, 64, 5000}) {
      std::vector<std::atomic<int>> visits(count);
      pool.parallel_for(count, grain, [&](size_t i) { visits[i].fetch_add(1, std::memory_order_relaxed); });
      for (size_t i = 0; i < count; ++i)
        ASSERT_EQ(visits[i].load(), 1) << i << " of " << count << " grain " << grain;
    }
}

TEST(ThreadPool, WhatALoopWroteIsSeenAfterIt) {
  ThreadPool pool(4);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> plain(64);  // not atomic: the loop's end must order these writes before our reads
    pool.parallel_for(plain.size(), 1, [&](size_t i) { plain[i] = round; });
    for (const int value : plain) ASSERT_EQ(value, round);
  }
}

TEST(ThreadPool, LoopsInsideLoopsAndTasksDoNotDeadlock) {
  std::atomic<int> visits{0};
  std::promise<void> finished;  // outlives the task that keeps it
  ThreadPool pool(1);
  pool.submit([&] {
    pool.parallel_for(8, 1, [&](size_t) { pool.parallel_for(8, 1, [&](size_t) { ++visits; }); });
    finished.set_value();
  });
  pool.parallel_for(8, 1, [&](size_t) { pool.parallel_for(8, 1, [&](size_t) { ++visits; }); });
  finished.get_future().wait();
  EXPECT_EQ(visits.load(), 128);
}

TEST(ThreadPool, ManyThreadsMayLoopAtOnce) {
  ThreadPool pool(2);
  std::atomic<size_t> sum{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&] {
      for (int round = 0; round < 100; ++round) pool.parallel_for(100, 7, [&](size_t i) { sum += i; });
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum.load(), 4u * 100 * 4950);
}

TEST(ThreadPool, ALoopDoesNotWaitForABusyPool) {
  ThreadPool pool(1);
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  pool.submit([released] { released.wait(); });
  std::atomic<int> visits{0};
  pool.parallel_for(100, 1, [&](size_t) { ++visits; });  // the only thread is busy: the caller does it all
  EXPECT_EQ(visits.load(), 100);
  release.set_value();
}

TEST(ThreadPool, AnExceptionReachesTheCallerOnceNobodyRuns) {
  ThreadPool pool(3);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> running{0};
    std::atomic<bool> gone{false};
    const auto throwing = [&](size_t i) {
      ++running;
      EXPECT_FALSE(gone);
      if (i % 7 == 3) {
        --running;
        throw std::bad_alloc();
      }
      --running;
    };
    EXPECT_THROW(pool.parallel_for(1000, 1, throwing), std::bad_alloc);
    EXPECT_EQ(running, 0);
    gone = true;
  }
  std::atomic<int> calls{0};
  pool.parallel_for(100, 1, [&](size_t) { ++calls; });
  EXPECT_EQ(calls, 100) << "the pool lives on";
}

/// A thread that wakes up does not wait for milliseconds behind what a pool computes.
TEST(ThreadPool, ItsThreadsRunInShortSlices) {
  struct Attributes {  // sched_getattr(2)
    uint32_t size = 0, policy = 0;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t slice_ns = 0, deadline = 0, period = 0;
  };
  const auto own = [] {
    Attributes out;
    EXPECT_EQ(syscall(SYS_sched_getattr, 0, &out, sizeof out, 0), 0);
    return out;
  };
  ThreadPool pool(1);
  std::promise<Attributes> told;
  pool.submit([&] { told.set_value(own()); });
  const Attributes of_pool = told.get_future().get(), of_caller = own();
  EXPECT_EQ(of_pool.policy, of_caller.policy);
  EXPECT_EQ(of_pool.nice, of_caller.nice);
  if (of_caller.slice_ns == 0) GTEST_SKIP() << "before Linux 6.12 there is one slice for all";
  EXPECT_LT(of_pool.slice_ns, of_caller.slice_ns);
}

}  // namespace
}  // namespace kith
