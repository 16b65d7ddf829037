// Tells, where RocksDB's files fail, want of space from a device that lost what it had taken.
//
// RocksDB can get over the first (it flushes what is in memory to new files) and must not go on after the
// second: after a failed sync nobody knows what is durable. Its statuses do not tell them apart: a sync may
// fail with ENOSPC too, and "file too large" and "quota exceeded" come as plain errors, which it takes for
// fatal ones. Here those two become NoSpace, and failed syncs are remembered.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <memory>
#include <string>

namespace kith {

class RocksSpace final : public rocksdb::FileSystemWrapper {
 public:
  explicit RocksSpace(const std::shared_ptr<rocksdb::FileSystem>& base) : FileSystemWrapper(base) {}

  const char* Name() const override { return "KithSpace"; }
  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* result,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* result,
                                 rocksdb::IODebugContext* debug) override;

  // Any thread.
  /// Something that was written could not be made durable; from then on, for good.
  bool lost_bytes() const { return lost_bytes_.load(); }
  /// The last log to which an append failed for want of space, or was refused: RocksDB writes no more to it,
  /// and it may end in half a record. 0: none.
  uint64_t torn_log() const { return torn_log_.load(); }
  /// RocksDB writes to another one by now.
  void forget_torn_log() { torn_log_.store(0); }

  /// While it lives, no log has space.
  class Refusal {
   public:
    explicit Refusal(RocksSpace& space) : space_(space) { space_.refusing_.store(true); }
    ~Refusal() { space_.refusing_.store(false); }
    Refusal(const Refusal&) = delete;
    Refusal& operator=(const Refusal&) = delete;

   private:
    RocksSpace& space_;
  };

  // Of files and directories.
  rocksdb::IOStatus before_append(const std::string& path);
  rocksdb::IOStatus after_append(const std::string& path, rocksdb::IOStatus status);
  rocksdb::IOStatus after_sync(rocksdb::IOStatus status);

 private:
  std::atomic<bool> lost_bytes_{false};
  std::atomic<uint64_t> torn_log_{0};
  std::atomic<bool> refusing_{false};
};

}  // namespace kith
