// FaultKvStore: a KvStore that fails on purpose, for tests. Wraps any store; the test sets which write or
// sync fails. A failing write may leave nothing behind or, like a sync that failed after the log was written,
// the whole batch: both are what a real disk does, and the layers above must live with both.
#pragma once

#include <atomic>
#include <memory>

#include "storage/kv/kv_store.h"

namespace kith {

struct KvFaults {
  std::atomic<int64_t> writes_until_failure{-1};  // 0: the next write fails; < 0: none does
  std::atomic<bool> leaves_batch{false};          // the failing write reaches the wrapped store all the same
  std::atomic<bool> disk_full{false};             // fails as ResourceExhausted instead of FailedPrecondition
  std::atomic<bool> reads_fail{false};            // every read is a Corruption
  std::atomic<bool> no_memory{false};             // snapshots throw std::bad_alloc
  std::atomic<int> sync_ms{0};                    // sync() takes so long, as on a slow disk
  std::atomic<int> write_ms{0};                   // so does write()
  std::atomic<uint64_t> writes{0};                // asked for, failed ones too
  std::atomic<uint64_t> syncs{0};                 // kPower writes and sync() that went through
};

/// After the first failure the store is poisoned, as the contract says. `faults` must outlive it.
std::unique_ptr<KvStore> make_fault_kv_store(std::unique_ptr<KvStore> wrapped, KvFaults& faults);

}  // namespace kith
