#include "query/collection/engine.h"

#include "base/log.h"

namespace kith {

AsyncFlusher::AsyncFlusher(KvStore& store, std::chrono::milliseconds window)
    : store_(store), window_(window), thread_([this] { run(); }) {}

AsyncFlusher::~AsyncFlusher() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void AsyncFlusher::note_write() {
  std::lock_guard lock(mutex_);
  if (!std::exchange(dirty_, true)) wake_.notify_one();
}

void AsyncFlusher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return dirty_ || closing_; });
    if (!dirty_) return;
    wake_.wait_for(lock, window_ / 2, [&] { return closing_; });
    dirty_ = false;  // before the sync: a write that comes during it is for the next one
    lock.unlock();
    // An error poisons the store, so every later write reports it; nothing is retried here.
    if (auto synced = store_.sync(); !synced.ok())
      log_error("sync failed", {{"error", synced.error().message}});
    lock.lock();
  }
}

}  // namespace kith
