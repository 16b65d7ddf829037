// A machine that a database lives on and that loses its power: disk and clock in memory, deterministic, and
// fast enough for hundreds of lives a second. The store is RocksDB on that disk, or a map with a log of
// batches, of which a crash takes a suffix that was not synced: a thousandth of the time, and the layers
// above are the same.
#pragma once

#include <memory>

#include "base/clock.h"
#include "base/io/fault_file_system.h"
#include "base/io/memory_file_system.h"
#include "query/database.h"
#include "storage/kv/kv_store.h"

namespace kith::crash {

class StoreLog;

class Machine {
 public:
  Machine(uint64_t seed, bool rocksdb, const CheckpointPolicy& policy);
  ~Machine();

  /// Of the one directory that it has. One at a time.
  Result<std::unique_ptr<Database>> open();
  /// The power goes: what is not durable may be gone, as the seed will have it; then it comes back. `db` and
  /// all that came from it is gone before.
  void crash(std::unique_ptr<Database> db);
  ManualClock& clock() { return clock_; }

 private:
  ManualClock clock_;
  MemoryFileSystem memory_;
  FaultFileSystem disk_;
  Random random_;
  const CheckpointPolicy policy_;
  std::unique_ptr<StoreLog> log_;  // null: RocksDB
};

}  // namespace kith::crash
