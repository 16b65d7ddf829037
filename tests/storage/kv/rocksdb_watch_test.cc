// Goal: asynchronous writes are made durable by syncs of our own, and a sync that failed is never followed by
// one that claims what the first one lost. Method: logs over a file system whose syncs are counted and fail
// when told to; one that fails once and would succeed the next time.
#include "storage/kv/rocksdb_watch.h"

#include <gtest/gtest.h>

#include <utility>

#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "storage/kv/rocksdb_file_system.h"
#include "storage/kv/rocksdb_kv_store.h"
#include "tests/support/result_matchers.h"

namespace kith {
namespace {

/// A device that says once that it has lost something, as the kernel does; our own files remember it.
class ForgetfulFiles final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "Forgetful"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override {
    const auto status = FileSystemWrapper::NewWritableFile(path, options, result, debug);
    if (status.ok()) *result = std::make_unique<File>(std::move(*result), fail_next);
    return status;
  }

  bool fail_next = false;

 private:
  class File final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    File(std::unique_ptr<rocksdb::FSWritableFile>&& file, bool& fail_next)
        : FSWritableFileOwnerWrapper(std::move(file)), fail_next_(fail_next) {}
    rocksdb::IOStatus Sync(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
      if (std::exchange(fail_next_, false)) return rocksdb::IOStatus::IOError("lost");
      return FSWritableFileOwnerWrapper::Sync(options, debug);
    }

   private:
    bool& fail_next_;
  };
};

class RocksWatchLogs : public testing::Test {
 protected:
  RocksWatchLogs()
      : fs_(memory_, 1), files_(std::make_shared<ForgetfulFiles>(rocksdb_file_system(fs_))), watch_(files_) {}

  std::unique_ptr<rocksdb::FSWritableFile> begin(const std::string& name) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    EXPECT_TRUE(watch_.NewWritableFile("/" + name, rocksdb::FileOptions(), &file, nullptr).ok());
    return file;
  }
  static void append(rocksdb::FSWritableFile& file) {
    EXPECT_TRUE(file.Append("some bytes", rocksdb::IOOptions(), nullptr).ok());
  }

  MemoryFileSystem memory_;
  FaultFileSystem fs_;
  std::shared_ptr<ForgetfulFiles> files_;
  RocksWatch watch_;
};

TEST_F(RocksWatchLogs, AreSyncedWhereverBytesCame) {
  const auto first = begin("000001.log");
  append(*first);
  const auto second = begin("000002.log");
  EXPECT_EQ(fs_.calls(FileCall::kSync), 1u) << "the first, before the second began";
  append(*first);  // a log that was to be the next, and was given up
  append(*second);
  EXPECT_TRUE(watch_.sync_logs().ok());
  EXPECT_EQ(fs_.calls(FileCall::kSync), 3u);
  EXPECT_TRUE(watch_.sync_logs().ok());
  EXPECT_EQ(fs_.calls(FileCall::kSync), 3u) << "there was nothing new";
}

TEST_F(RocksWatchLogs, AfterASyncThatFailedNoneOfTheFileSucceeds) {
  const auto log = begin("000001.log");
  append(*log);
  files_->fail_next = true;
  EXPECT_FALSE(watch_.sync_logs().ok());
  EXPECT_FALSE(files_->fail_next);
  EXPECT_FALSE(watch_.sync_logs().ok());
  EXPECT_FALSE(log->Sync(rocksdb::IOOptions(), nullptr).ok());
  EXPECT_EQ(watch_.mark().log.bytes, 0u) << "nothing of it is durable";
}

TEST(RocksSync, ThatFailsIsForGoodAlsoWhenItSaysThatTheDiskIsFull) {
  for (const bool disk_full : {false, true}) {
    MemoryFileSystem memory;
    FaultFileSystem fs(memory, 1);
    ASSERT_VALUE(store, open_rocksdb_kv_store("/store", {.memtable_bytes = 128u << 10, .fs = &fs}));
    KvBatch batch;
    batch.put(KvTable::kRecords, "a", "1");
    ASSERT_OK(store->write(batch, KvSurvives::kProcess));
    fs.arm({.call = FileCall::kSync, .disk_full = disk_full});
    EXPECT_FALSE(store->sync().ok());
    EXPECT_EQ(fs.fired(), 1u);
    for (const auto& outcome :
         {store->sync(), store->health(), store->recover(), store->write(batch, KvSurvives::kProcess)}) {
      ASSERT_FALSE(outcome.ok());
      EXPECT_NE(outcome.error().message.find("restart"), std::string::npos) << outcome.error().message;
    }
  }
}

}  // namespace
}  // namespace kith
