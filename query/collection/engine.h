// Engine: what all collections of one open directory share. Collections hold it together, so that one that a
// caller still has after closing the Database keeps working; the directory's lock goes with the last of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/io/file_system.h"
#include "base/memory_budget.h"
#include "base/thread_pool.h"
#include "query/collection/disk_reserve.h"
#include "storage/kv/kv_store.h"
#include "storage/rows/keys.h"

namespace kith {

/// Syncs the store at most half a window after the first write that asked for it. When the device is slower
/// than that, `late` tells writers to sync themselves, which holds them back.
class AsyncFlusher {
 public:
  AsyncFlusher(KvStore& store, std::chrono::milliseconds window);
  ~AsyncFlusher();  // syncs what is left
  AsyncFlusher(const AsyncFlusher&) = delete;
  AsyncFlusher& operator=(const AsyncFlusher&) = delete;

  /// Call after each kProcess write.
  void note_write();
  /// A write of longer than the window ago is not synced yet.
  bool late() const;

 private:
  void run();

  KvStore& store_;
  const std::chrono::milliseconds window_;
  using Time = std::chrono::steady_clock::time_point;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // Guarded by mutex_: since when writes wait for the next sync, for the one under way; no more writes come.
  std::optional<Time> dirty_since_;
  std::optional<Time> syncing_since_;
  bool closing_ = false;
  std::thread thread_;  // last: starts when all else stands
};

/// What the collections of a directory may take together.
struct EngineLimits {
  uint64_t memory_bytes_max = 0;               // 0: no limit
  std::optional<uint64_t> disk_reserve_bytes;  // as in DiskReserve
};

struct Engine {
  Engine(FileSystem& files, std::string name, std::unique_ptr<FileLock> held, std::unique_ptr<KvStore> kv,
         size_t threads, std::chrono::milliseconds async_window, const Clock& machine = Clock::system(),
         const EngineLimits& limits = {})
      : fs(files),
        clock(machine),
        directory(std::move(name)),
        lock(std::move(held)),
        pool(threads),
        store(std::move(kv)),
        flusher(*store, async_window),
        disk(fs, directory, *store, limits.disk_reserve_bytes),
        memory("of the database",
               limits.memory_bytes_max == 0 ? MemoryBudget::kUnlimited : limits.memory_bytes_max),
        store_memory(memory.none()) {}

  /// By which points expire.
  uint64_t now_ms() const { return static_cast<uint64_t>(std::max<int64_t>(0, clock.wall_ms())); }

  FileSystem& fs;  // of everything below the directory
  const Clock& clock;
  const std::string directory;  // that the lock holds
  std::unique_ptr<FileLock> lock;
  ThreadPool pool;
  std::unique_ptr<KvStore> store;
  AsyncFlusher flusher;
  DiskReserve disk;
  MemoryBudget memory;             // of all collections, and the store's
  MemoryReservation store_memory;  // the housekeeper's
  // As in RecallPolicy; set before collections are opened.
  uint32_t calibration_queries = 512;
  double calibration_duty = 0.25;
};

/// Where the checkpoints of a collection lie.
std::string checkpoint_path(const std::string& directory, CollectionNumber collection);

}  // namespace kith
