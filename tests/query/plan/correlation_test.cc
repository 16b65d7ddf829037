// Goal: what is learnt of a filter is what its searches saw, is bounded, and is doubted now and then. Method:
// counts as searches give them.
#include "query/plan/correlation.h"

#include <gtest/gtest.h>

#include <thread>

namespace kith::test {
namespace {

SearchStats walk(uint64_t evaluations, uint64_t passes) {
  SearchStats stats;
  stats.walk_evaluations = evaluations;
  stats.walk_passes = passes;
  return stats;
}

TEST(CorrelationMemory, LearnsWhatWalksMet) {
  CorrelationMemory memory;
  EXPECT_FALSE(memory.find(7).correlation);
  memory.learn(7, 0.1, walk(1000, 400));
  ASSERT_TRUE(memory.find(7).correlation);
  EXPECT_NEAR(*memory.find(7).correlation, 4, 0.1);
  EXPECT_FALSE(memory.find(8).correlation);
  for (int i = 0; i < 50; ++i) memory.learn(7, 0.1, walk(1000, 20));
  EXPECT_NEAR(*memory.find(7).correlation, 0.2, 0.02) << "the past is forgotten";
  memory.learn(9, 0.01, walk(1000, 0));
  EXPECT_LT(*memory.find(9).correlation, 0.1);
  EXPECT_GT(*memory.find(9).correlation, 0);
}

TEST(CorrelationMemory, LearnsNothingFromScansAndShortWalks) {
  CorrelationMemory memory;
  memory.learn(7, 0.1, walk(0, 0));
  memory.learn(7, 0.1, walk(20, 2));
  memory.learn(7, 0, walk(1000, 20));
  EXPECT_FALSE(memory.find(7).correlation);
  for (int i = 0; i < 5; ++i) memory.learn(7, 0.1, walk(20, 2));
  ASSERT_TRUE(memory.find(7).correlation) << "many short ones tell enough";
  EXPECT_NEAR(*memory.find(7).correlation, 1, 0.1);
}

TEST(CorrelationMemory, TriesWhenAFilterComesAgainAndNowAndThenLater) {
  CorrelationMemory memory;
  EXPECT_FALSE(memory.find(7).explore) << "it may never come again";
  EXPECT_TRUE(memory.find(7).explore);
  int tries = 0;
  for (int i = 0; i < 1000; ++i) tries += memory.find(7).explore;
  EXPECT_GE(tries, 2);
  EXPECT_LE(tries, 5);
  memory.learn(7, 0.1, walk(1000, 400));
  tries = 0;
  for (int i = 0; i < 1000; ++i) {
    const CorrelationGuess guess = memory.find(7);
    EXPECT_TRUE(guess.correlation);
    tries += guess.explore;
  }
  EXPECT_GE(tries, 2);
  EXPECT_LE(tries, 5);
}

TEST(CorrelationMemory, KeepsToItsSlots) {
  CorrelationMemory memory(4);
  for (uint64_t filter = 1; filter <= 100; ++filter) memory.learn(filter, 0.1, walk(1000, 400));
  int known = 0;
  for (uint64_t filter = 1; filter <= 100; ++filter) known += memory.find(filter).correlation.has_value();
  EXPECT_LE(known, 4);
  EXPECT_TRUE(CorrelationMemory(0).find(1).correlation == std::nullopt);
}

TEST(CorrelationMemory, ServesManyThreads) {
  CorrelationMemory memory(8);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&memory, t] {
      for (uint64_t i = 0; i < 2000; ++i) {
        memory.learn(i % 16, 0.1, walk(1000, 100 * (t + 1)));
        const auto found = memory.find(i % 16).correlation;
        EXPECT_TRUE(!found || (*found > 0.9 && *found < 4.1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace kith::test
