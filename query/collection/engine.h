// Engine: what all collections of one open directory share. Collections hold it together, so that one that a
// caller still has after closing the Database keeps working; the directory's lock goes with the last of them.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/io/file_system.h"
#include "base/thread_pool.h"
#include "storage/kv/kv_store.h"

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

struct Engine {
  Engine(std::string name, std::unique_ptr<FileLock> held, std::unique_ptr<KvStore> kv, size_t threads,
         std::chrono::milliseconds async_window)
      : directory(std::move(name)),
        lock(std::move(held)),
        pool(threads),
        store(std::move(kv)),
        flusher(*store, async_window) {}

  const std::string directory;  // that the lock holds
  std::unique_ptr<FileLock> lock;
  ThreadPool pool;
  std::unique_ptr<KvStore> store;
  AsyncFlusher flusher;
};

}  // namespace kith
