// Goal: records keep their bytes and their addresses while a store grows across every boundary of its layout.
// Method: growth by ones and by leaps over small, wide and widest strides; each record marked with its
// number.
#include "index/extent_store.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/result_matchers.h"

namespace kith {
namespace {

void mark(const ExtentStore& store, uint64_t i) {
  std::memcpy(store.at(i), &i, sizeof i);
}
uint64_t marked(const ExtentStore& store, uint64_t i) {
  uint64_t value;
  std::memcpy(&value, store.at(i), sizeof value);
  return value;
}

TEST(ExtentStore, GivesRecordsBackStepByStep) {
  constexpr size_t kStride = 400, kRecords = 150'000;  // no multiple of a page, over two extents
  ExtentStore store(kStride, true);
  ASSERT_OK(store.grow(kRecords));
  for (uint64_t i = 0; i < kRecords; ++i) mark(store, i);
  uint64_t gone = 0;
  for (const uint64_t next : {1u, 11u, 1000u, 65'536u, 65'540u, 140'000u}) {
    store.discard(gone, next, KeptPages());
    gone = next;
    for (uint64_t i = gone; i < kRecords; i += 7) ASSERT_EQ(marked(store, i), i);
  }
  size_t zeros = 0;
  for (uint64_t i = 1; i < gone; ++i) zeros += marked(store, i) == 0;
  EXPECT_GE(zeros, gone - 2 * 4096 / kStride);
}

class ExtentStoreOf : public testing::TestWithParam<std::pair<size_t, uint64_t>> {};
INSTANTIATE_TEST_SUITE_P(Strides, ExtentStoreOf,
                         testing::Values(std::pair{8, 400'000}, std::pair{512, 200'000},
                                         std::pair{262'144, 3'000}));

TEST_P(ExtentStoreOf, RecordsStayWhereTheyAre) {
  const auto [stride, count] = GetParam();
  ExtentStore store(stride);
  std::vector<std::byte*> addresses;
  uint64_t size = 0;
  for (uint64_t step = 1; size < count; step = size < 20 ? 1 : size / 3) {
    const uint64_t grown = std::min(count, size + step);
    ASSERT_OK(store.grow(grown));
    for (; size < grown; ++size) {
      ASSERT_EQ(marked(store, size), 0u) << "not zeroed";
      mark(store, size);
      addresses.push_back(store.at(size));
    }
  }
  for (uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(store.at(i), addresses[i]) << i;
    ASSERT_EQ(marked(store, i), i);
  }
  for (uint64_t i = 0; i < count; i += store.contiguous(i))
    ASSERT_EQ(store.at(i + store.contiguous(i) - 1), store.at(i) + (store.contiguous(i) - 1) * stride);
}

TEST(ExtentStore, RefusesMoreThanNodesCanNumber) {
  ExtentStore store(1);
  EXPECT_ERROR(store.grow(kNodesMax + 1), Code::kResourceExhausted, "at most");
}

}  // namespace
}  // namespace kith
