// Goal: after wait_for every read sees the write of that sequence; what is under way is waited for, what
// cannot come is refused at once, in words that name both sequences. Method: a store whose writes take long
// or fail, a second thread that writes; restarts.
#include <gtest/gtest.h>

#include <thread>

#include "query/collection/local_database.h"
#include "storage/kv/fault_kv_store.h"
#include "storage/kv/memory_kv_store.h"
#include "tests/query/test_database.h"

namespace kith {
namespace {

using namespace testing_support;

class WriteTokenTest : public testing::Test {
 protected:
  void open() {
    books_.reset();
    db_.reset();
    db_ = must(LocalDatabase::open(
        std::make_shared<Engine>(new_memory_files(), "test", nullptr,
                                 make_fault_kv_store(make_memory_kv_store(data_), faults_), 2,
                                 std::chrono::milliseconds(20)),
        CheckpointPolicy{}));
    if (db_->collection_names().empty()) must(db_->create_collection("books", schema_of({field("v", 2)})));
    books_ = must(db_->collection("books"));
  }
  Result<WriteReceipt> upsert(uint64_t id) {
    return books_->upsert(std::vector{point(id, {1, 2})}, Durability::kSync);
  }
  /// A write that takes its time on another thread; returns once it is under way.
  std::thread slow_upsert(uint64_t id, int ms) {
    faults_.write_ms = ms;
    const uint64_t writes = faults_.writes;
    std::thread writer([this, id] { outcome_ = upsert(id); });
    while (faults_.writes == writes) std::this_thread::yield();
    return writer;
  }
  static Stop within_ms(int64_t ms) {
    Stop stop;
    stop.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
    return stop;
  }
  static void expect_names(const Result<void>& refused, const char* at, const char* wanted) {
    EXPECT_NE(refused.error().message.find(fmt::format("at sequence {}", at)), std::string::npos)
        << refused.error().message;
    EXPECT_NE(refused.error().message.find(wanted), std::string::npos) << refused.error().message;
  }

  std::shared_ptr<MemoryKvData> data_ = std::make_shared<MemoryKvData>();
  KvFaults faults_;
  std::unique_ptr<Database> db_;
  std::shared_ptr<Collection> books_;
  Result<WriteReceipt> outcome_ = WriteReceipt{};
};

TEST_F(WriteTokenTest, AnAnsweredWriteIsSeenAtOnceAndAfterARestart) {
  open();
  must(books_->wait_for(0, {}));
  const uint64_t token = must(upsert(1)).sequence;
  must(books_->wait_for(token, within_ms(0)));
  open();
  must(books_->wait_for(token, within_ms(0)));
}

TEST_F(WriteTokenTest, WhatNoWriteLeadsToIsRefusedAtOnce) {
  open();
  must(upsert(1));
  for (const uint64_t sequence : {uint64_t{2}, UINT64_MAX}) {
    const auto refused = books_->wait_for(sequence, {});
    ASSERT_EQ(code_of(refused), Code::kFailedPrecondition);
    expect_names(refused, "1", std::to_string(sequence).c_str());
  }
  must(db_->drop_collection("books"));
  EXPECT_EQ(code_of(books_->wait_for(1, {})), Code::kNotFound);
}

TEST_F(WriteTokenTest, AWriteUnderWayIsWaitedFor) {
  open();
  std::thread writer = slow_upsert(7, 300);
  must(books_->wait_for(1, within_ms(60'000)));
  EXPECT_EQ(must(books_->count()), 1u) << "the wait ended before the write was there";
  writer.join();
  EXPECT_TRUE(outcome_.ok());
}

TEST_F(WriteTokenTest, TheWaitEndsWithTheDeadlineAndOnCancelling) {
  open();
  std::thread writer = slow_upsert(7, 1000);
  const auto start = std::chrono::steady_clock::now();
  const auto late = books_->wait_for(1, within_ms(100));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(600));
  ASSERT_EQ(code_of(late), Code::kDeadlineExceeded);
  expect_names(late, "0", "waiting for 1");
  Stop cancelled;
  cancelled.cancelled = [](const void*) { return true; };
  EXPECT_EQ(code_of(books_->wait_for(1, cancelled)), Code::kCancelled);
  EXPECT_EQ(code_of(books_->wait_for(2, {})), Code::kFailedPrecondition) << "one write leads to 1 at most";
  writer.join();
}

TEST_F(WriteTokenTest, AWriteThatFailsEndsTheWait) {
  open();
  faults_.writes_until_failure = 0;
  std::thread writer = slow_upsert(7, 200);
  EXPECT_EQ(code_of(books_->wait_for(1, within_ms(60'000))), Code::kFailedPrecondition);
  writer.join();
  EXPECT_FALSE(outcome_.ok());
}

}  // namespace
}  // namespace kith
