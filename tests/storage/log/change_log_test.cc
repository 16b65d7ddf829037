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

TEST_F(ChangeLog, TellsWhatHappenedAfterASequence) {
  append({1, 0, 10, 10, {}, 101});
  append({2, 10, 5, 12, {1, 2, 3}, 102});
  append({3, 15, 0, 11, {12}, 103});
  const auto after = [&](uint64_t sequence, uint64_t stamp) {
    auto tail = changes_after(*store_->snapshot(), kCollection, sequence, stamp);
    EXPECT_TRUE(tail.ok());
    return *tail;
  };
  EXPECT_EQ(after(0, 0)->removed, (std::vector<Row>{1, 2, 3, 12}));
  EXPECT_EQ(after(1, 101)->removed, (std::vector<Row>{1, 2, 3, 12}));
  EXPECT_EQ(after(1, 101)->first_row, 10u);
  EXPECT_EQ(after(2, 102)->removed, (std::vector<Row>{12}));
  EXPECT_TRUE(after(3, 103)->removed.empty());
  EXPECT_FALSE(after(4, 104).has_value()) << "the log ends before";
  EXPECT_FALSE(after(2, 103).has_value()) << "another history";
  KvBatch batch;
  batch.erase(KvTable::kRecords, change_key(kCollection, 2));
  ASSERT_TRUE(store_->write(batch, KvSurvives::kPower).ok());
  EXPECT_FALSE(after(1, 101).has_value()) << "the log begins after";
}

TEST_F(ChangeLog, ForgetsEntriesThatAreOldEnoughOnceACheckpointHasThem) {
  const auto first = [&] {
    const auto view = store_->snapshot();
    const KeyRange range = change_range(kCollection);
    return *sequence_of_change_key(view->iterate(KvTable::kRecords, range.begin, range.end)->key());
  };
  for (uint64_t sequence = 1; sequence <= kEntriesKept + 100; ++sequence) append({sequence, 0, 0, 0, {}});
  const auto trim = [&](uint64_t sequence) {
    KvBatch batch;
    trim_changes(batch, kCollection, sequence);
    ASSERT_TRUE(store_->write(batch, KvSurvives::kPower).ok());
  };
  trim(kEntriesKept);
  EXPECT_EQ(first(), 1u);
  trim(kEntriesKept + 50);
  EXPECT_EQ(first(), 50u);
  EXPECT_TRUE(last().ok());
}

}  // namespace
}  // namespace kith
