// RocksRecovery: makes a store that found no space take writes again, when there is some.
//
// RocksDB's Resume flushes what is in memory and begins a new log. In 7.8 it waits for ever when RocksDB has
// forgotten a flush: one that was scheduled and came to run only after an error had stopped background work
// returns at once, its family stays queued, and nobody runs the queue for it again. So an error stops RocksDB
// only while no flush is about to begin (rocksdb_poison.cc): a write's, when those have run; a flush's own,
// since they run one at a time; and what else failed stops nothing before recovery does so, which lets all
// that runs end and keeps more from being scheduled.
//
// It runs in a thread of its own, so that whatever RocksDB waits for holds up neither the caller nor the end
// of the store.
#pragma once

#include <rocksdb/db.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "storage/kv/rocksdb_opening.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {

class RocksRecovery {
 public:
  RocksRecovery(const RocksOpening& opening, std::string directory, rocksdb::DB& db,
                const RocksFamilies& families);
  /// Of a store that ends: RocksDB may be good for nothing but closing afterwards.
  ~RocksRecovery();
  RocksRecovery(const RocksRecovery&) = delete;
  RocksRecovery& operator=(const RocksRecovery&) = delete;

  /// Begins when none is under way, and waits a little for its end. The poison says what came of it. Any
  /// thread.
  void run();

 private:
  void go_on();
  bool stop_rocksdb();
  bool has_space();
  rocksdb::Status begin_log();
  bool log_is_torn();

  const std::string directory_;
  FileSystem& fs_;
  const std::shared_ptr<RocksSpace> space_;
  const std::shared_ptr<RocksWatch> watch_;
  const std::shared_ptr<RocksPoison> poison_;
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const family_;
  std::mutex mutex_;
  std::condition_variable done_;
  bool under_way_ = false;  // guarded by mutex_, as is the thread
  std::thread thread_;
};

}  // namespace kith
