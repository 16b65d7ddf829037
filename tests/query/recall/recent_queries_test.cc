// Goal: the sample holds the newest queries whole, gives each once, and is bounded in bytes. Method: a small
// model of the ring; threads that offer beside one that takes.
#include "query/recall/recent_queries.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "query/filter/filter_text.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

constexpr size_t kBytes = 8;

Query numbered(uint32_t number) {
  Query query = testing_support::query({static_cast<float>(number), 0}, 3);
  query.offset = 4;
  return query;
}
uint32_t number_of(const AskedQuery& asked) {
  float value = 0;
  std::memcpy(&value, asked.vector.data(), sizeof value);
  return static_cast<uint32_t>(value);
}

TEST(RecentQueries, HoldsTheNewestAndGivesEachOnce) {
  RecentQueries recent(kBytes);
  EXPECT_EQ(recent.next(), nullptr);
  EXPECT_TRUE(recent.newest(10).empty());
  for (uint32_t i = 0; i < 600; ++i) recent.offer(numbered(i), 0.9);
  const auto newest = recent.newest(1000);
  ASSERT_EQ(newest.size(), recent.size());
  ASSERT_EQ(newest.size(), 512u);
  for (size_t i = 0; i < newest.size(); ++i) EXPECT_EQ(number_of(*newest[i]), 599 - i);
  EXPECT_EQ(newest[0]->k, 7u);
  EXPECT_EQ(newest[0]->recall_target, 0.9);
  EXPECT_EQ(recent.newest(2).size(), 2u);

  EXPECT_EQ(number_of(*recent.next()), 599u);
  recent.offer(numbered(1000), 0.9);
  EXPECT_EQ(number_of(*recent.next()), 1000u);
  std::set<uint32_t> rest;
  while (const auto asked = recent.next()) EXPECT_TRUE(rest.insert(number_of(*asked)).second);
  EXPECT_EQ(rest.size(), 510u);
  recent.give_again();
  EXPECT_EQ(number_of(*recent.next()), 1000u);
}

TEST(RecentQueries, TakesOneInEightOfMany) {
  RecentQueries recent(kBytes);
  for (uint32_t i = 0; i < 1'000 + 80; ++i) recent.offer(numbered(i), 0.9);
  const auto newest = recent.newest(11);
  for (size_t i = 0; i < 10; ++i) EXPECT_EQ(number_of(*newest[i]), 1'072 - 8 * i);
  EXPECT_EQ(number_of(*newest[10]), 999u);
}

TEST(RecentQueries, LeavesOutWhatIsLargeAndSaysWhoGaveAnEffort) {
  RecentQueries recent(kBytes);
  Query filtered = numbered(1);
  std::string text = "a IN (";
  for (int i = 0; i < 2'000; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", i);
  filtered.filter = must(parse_filter_text(text + ")"));
  recent.offer(filtered, 0.9);
  Query deep = numbered(2);
  deep.offset = 2'000;
  recent.offer(deep, 0.9);
  EXPECT_EQ(recent.size(), 0u);
  filtered.filter = must(parse_filter_text("a = 1"));
  filtered.effort = 70;
  recent.offer(filtered, 0.9);
  const auto asked = recent.next();
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->filter, filtered.filter);
  EXPECT_EQ(asked->effort, 70u);
  EXPECT_EQ(asked->recall_target, 0);

  RecentQueries wide(256u << 10);
  Query large = numbered(3);
  large.vector.resize(256u << 10);
  for (int i = 0; i < 100; ++i) wide.offer(large, 0.9);
  EXPECT_EQ(wide.size(), 32u);
  EXPECT_GE(wide.memory_bytes(), 32u * (256u << 10));
  EXPECT_LE(wide.memory_bytes(), 33u * (256u << 10));
}

TEST(RecentQueries, IsOfferedFromManyThreads) {
  RecentQueries recent(kBytes);
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < 3; ++t)
    threads.emplace_back([&, t] {
      for (uint32_t i = 0; i < 2'000; ++i) recent.offer(numbered(t * 10'000 + i), 0.9);
    });
  std::set<uint32_t> seen;
  for (int i = 0; i < 2'000; ++i) {
    if (const auto asked = recent.next(); asked != nullptr) {
      EXPECT_TRUE(seen.insert(number_of(*asked)).second);
    }
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(recent.size(), 512u);
  EXPECT_EQ(recent.newest(512).size(), 512u);
}

}  // namespace
}  // namespace kith
