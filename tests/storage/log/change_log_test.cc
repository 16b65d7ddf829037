// Goal: the change log gives its last entry, notices holes, and stays bounded. Method: entries in the
// std::map store.
#include "storage/log/change_log.h"

#include <gtest/gtest.h>

#include "storage/kv/memory_kv_store.h"

namespace kith {
namespace {

constexpr CollectionNumber kCollection = 3;

class ChangeLog : public testing::Test {
 protected:
  void append(const Change& change) {
    KvBatch batch;
    append_change(batch, kCollection, change);
    ASSERT_TRUE(store_->write(batch, KvSurvives::kPower).ok());
  }
  Result<std::optional<Change>> last() { return last_change(*store_->snapshot(), kCollection); }

  std::unique_ptr<KvStore> store_ = make_memory_kv_store(std::make_shared<MemoryKvData>());
};

TEST_F(ChangeLog, IsEmptyAtFirstAndThenGivesTheLastEntry) {
  EXPECT_EQ(last()->has_value(), false);
  append({1, 0, 10, 10, {}});
  append({2, 10, 5, 12, {1, 2, 3}});
  const auto change = last();
  ASSERT_TRUE(change.ok());
  EXPECT_EQ((*change)->sequence, 2u);
  EXPECT_EQ((*change)->next_row(), 15u);
}

TEST_F(ChangeLog, NoticesAMissingEntryAndRowsThatDoNotFollow) {
  append({1, 0, 10, 10, {}});
  append({3, 10, 5, 15, {}});
  EXPECT_EQ(last().error().code, Code::kCorruption);
  append({2, 10, 0, 10, {}});
  EXPECT_TRUE(last().ok());
  append({4, 99, 1, 16, {}});
  EXPECT_EQ(last().error().code, Code::kCorruption);
}

TEST_F(ChangeLog, ForgetsEntriesThatAreOldEnough) {
  for (uint64_t sequence = 1; sequence <= 3 * kEntriesKept;
       sequence += sequence % kEntriesKept == 1 ? kEntriesKept - 1 : 1)
    append({sequence, 0, 0, 0, {}});
  const auto view = store_->snapshot();
  const KeyRange range = change_range(kCollection);
  const auto first = view->iterate(KvTable::kRecords, range.begin, range.end);
  ASSERT_TRUE(first->valid());
  EXPECT_GE(*sequence_of_change_key(first->key()), 2 * kEntriesKept);
}

}  // namespace
}  // namespace kith
