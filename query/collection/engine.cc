#include "query/collection/engine.h"

#include "base/log.h"
#include "base/planted.h"

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
  if (dirty_since_.has_value()) return;
  dirty_since_ = std::chrono::steady_clock::now();
  wake_.notify_one();
}

bool AsyncFlusher::late() const {
  std::lock_guard lock(mutex_);
  const std::optional<Time>& oldest = syncing_since_.has_value() ? syncing_since_ : dirty_since_;
  return oldest.has_value() && !planted("never-late") && std::chrono::steady_clock::now() - *oldest > window_;
}

void AsyncFlusher::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return dirty_since_.has_value() || closing_; });
    if (!dirty_since_.has_value()) return;
    wake_.wait_for(lock, window_ / 2, [&] { return closing_; });
    syncing_since_ = std::exchange(dirty_since_, std::nullopt);  // a write from now on is for the next sync
    lock.unlock();
    // An error poisons the store, so every later write reports it; nothing is retried here.
    if (auto synced = planted("flusher-never-syncs") ? Result<void>() : store_.sync(); !synced.ok())
      log_error("sync failed", {{"error", synced.error().message}});
    lock.lock();
    syncing_since_.reset();
  }
}

std::string checkpoint_path(const std::string& directory, CollectionNumber collection) {
  return fmt::format("{}/checkpoints/{}", directory, collection);
}

}  // namespace kith
