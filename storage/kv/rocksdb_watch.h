// Watches how RocksDB writes its logs and its MANIFEST and opens its tables, on any file system.
//
// - RocksDB begins a new log without syncing the one before. When writes that nobody synced lie at the end of
//   the old log, a disk may keep what came into the new one and lose those: RocksDB 7.8 does not notice, and
//   recovers a state with a hole in it. Here the old log is synced before the new one exists.
// - The end of a table is looked at before RocksDB takes it for whole (rocksdb_table_check.h).
// - How much of these files is durable goes into the log with each batch (rocksdb_marks.h).
#pragma once

#include <rocksdb/file_system.h>

#include <memory>
#include <mutex>
#include <vector>

#include "storage/kv/rocksdb_marks.h"

namespace kith {

class WatchedFile;

class RocksWatch final : public rocksdb::FileSystemWrapper {
 public:
  explicit RocksWatch(const std::shared_ptr<rocksdb::FileSystem>& base) : FileSystemWrapper(base) {}

  const char* Name() const override { return "KithWatch"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& path, const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                        rocksdb::IODebugContext* debug) override;

  /// Makes durable what the logs have taken; writers go on. Not by DB::SyncWAL: RocksDB 7.8 asserts that it
  /// never comes to a log after an append to it has failed, which nobody can rule out while others write.
  /// Here a log is synced before the next one begins, and RocksDB buffers none of it. Any thread.
  rocksdb::IOStatus sync_logs();
  /// What is durable by now. Any thread.
  DurableMark mark() const;
  /// While it lives marks say of the MANIFEST only what was durable when it came: for a copy, which has a log
  /// that is later than its MANIFEST.
  class Hold {
   public:
    explicit Hold(RocksWatch& watch);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    RocksWatch& watch_;
  };

 private:
  friend class WatchedFile;
  enum class Kind : uint8_t { kLog, kManifest };
  void note_synced(Kind kind, DurableExtent extent);
  static rocksdb::IOStatus sync_each(const std::vector<std::weak_ptr<WatchedFile>>& logs);

  std::mutex begin_mutex_;                        // of whoever begins a log; held across IO
  std::vector<std::weak_ptr<WatchedFile>> logs_;  // guarded by begin_mutex_; those that RocksDB has open
  mutable std::mutex mark_mutex_;
  DurableMark mark_;  // guarded by mark_mutex_, as are the next two
  size_t holds_ = 0;
  DurableExtent held_manifest_;  // while there are holds
};

}  // namespace kith
