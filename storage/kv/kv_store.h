// KvStore: an ordered map of bytes with atomic batches and snapshots, the one truth of a Kith directory.
//
// Keys sort as unsigned bytes. RocksDB in life (rocksdb_kv_store.h), std::map in tests (memory_kv_store.h),
// and a twin that fails on purpose (fault_kv_store.h); tests/storage/kv/kv_contract_test.cc holds all of them
// to this contract.
//
// Poison: after a failed write, a failed sync or an error in the background nobody can know what the device
// holds, so the store turns read-only for good: every later write and sync returns the first error's code and
// says so, nothing is retried, reads go on. Only opening the directory anew, which replays the log, clears
// it. The exception: when all that failed was to find space for what was not acknowledged yet, writes are
// refused as ResourceExhausted until `recover` finds some.
//
// Threads: every function may be called from any thread. Snapshots and iterators must be destroyed before the
// store.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/stop.h"
#include "storage/kv/kv_batch.h"

namespace kith {

/// What a write survives when it returned OK. kProcess: a kill of the process. kPower: loss of power too.
enum class KvSurvives : uint8_t { kProcess = 0, kPower = 1 };

/// Walks keys in ascending order. Used by one thread. key() and value() hold until next().
class KvIterator {
 public:
  virtual ~KvIterator() = default;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual void next() = 0;
  /// Ask once valid() is false: Corruption or Unavailable when the walk ended early, OK at the true end.
  virtual Result<void> status() const = 0;
};

/// The store as it stood at one moment.
class KvSnapshot {
 public:
  virtual ~KvSnapshot() = default;
  virtual Result<std::optional<std::string>> get(KvTable table, std::string_view key) const = 0;
  /// Calls found(i, value) for every keys[i] that exists, in order of i, on the calling thread.
  virtual Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                                 const std::function<void(size_t, std::string_view)>& found) const = 0;
  /// Starts at the first key ≥ begin, ends before `end`.
  virtual std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                              std::string_view end) const = 0;
};

/// A file of a store at one moment.
struct KvFile {
  std::string name;                  // in the store's directory
  uint64_t bytes = 0;                // its first ones are meant: it may have grown since
  std::optional<uint32_t> crc = {};  // crc32c of them as they were written, where the store keeps it: such a
                                     // file never changes
  std::optional<std::string> content = {};  // instead of what the file holds by now
};

struct KvUsage {
  uint64_t memory_bytes = 0;  // newest writes and caches
  uint64_t unflushed_bytes =
      0;  // of newest writes: what will take room on the disk once more, apart from the log
};

class KvStore {
 public:
  virtual ~KvStore() = default;

  /// Applies the batch as a whole. Visible to snapshots taken after it returned. An error changes nothing
  /// that can be read until the store is opened anew; after a failed sync the batch may then be there, whole.
  /// After want of space it is not.
  virtual Result<void> write(const KvBatch& batch, KvSurvives survives) = 0;
  /// Makes everything written so far survive power loss.
  virtual Result<void> sync() = 0;
  virtual std::shared_ptr<const KvSnapshot> snapshot() const = 0;

  /// Gives the disk space of an erased range back soon. Only for ranges that nobody reads any more.
  virtual Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) = 0;
  /// Lets go of the log where it is a notable part of what the store has on disk: what is in memory goes to
  /// files. For who has just written much anyhow. Reads and writes go on.
  virtual Result<void> trim() = 0;
  /// Runs `use` with the files that, put into another directory, are the store as of one moment after the
  /// call, all earlier writes included. They stay until `use` returns; reads and writes go on meanwhile.
  virtual Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) = 0;
  /// On return no file of the store holds a value of this range that was erased or replaced before the call.
  /// Waits for snapshots and iterators of before, and for `hold_files`; reads and writes go on meanwhile.
  virtual Result<void> purge(KvTable table, std::string_view begin, std::string_view end,
                             const Stop& stop) = 0;
  /// The error that poisoned the store, or OK.
  virtual Result<void> health() const = 0;
  /// Takes writes again, when it was want of space that ended them and there is space: makes files of what is
  /// in memory. As `health` from then on. Returns within seconds, and may go on by itself.
  virtual Result<void> recover() = 0;
  virtual KvUsage usage() const = 0;
};

}  // namespace kith
