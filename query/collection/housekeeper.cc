#include "query/collection/housekeeper.h"

#include <cstdlib>

#include "base/log.h"

namespace kith {
namespace {

constexpr auto kLook = std::chrono::milliseconds(500);
constexpr int64_t kJumpMs = 60'000;
constexpr int64_t kDoubtMs = 10 * 60'000;

int64_t monotonic_ms(const Clock& clock) {
  return static_cast<int64_t>(clock.monotonic_ns() / 1'000'000);
}

}  // namespace

Housekeeper::Housekeeper(Engine& engine, Collections collections)
    : engine_(engine),
      collections_(std::move(collections)),
      apart_ms_(apart_ms()),
      thread_([this] { run(); }) {}

Housekeeper::~Housekeeper() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Housekeeper::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return closing_; })) {
    lock.unlock();
    try {
      look();
    } catch (const std::bad_alloc&) {
      log_warn("no memory to look after the database with: again soon", {});
    }
    lock.lock();
  }
}

void Housekeeper::look() {
  recover_store();
  engine_.store_memory.record(engine_.store->usage().memory_bytes);
  const bool purge = clock_is_believed();
  for (const std::shared_ptr<LocalCollection>& collection : collections_()) {
    while (purge && collection->purge() && !closing()) {
    }
    collection->sample_memory();
  }
}

void Housekeeper::recover_store() {
  const Result<void> health = engine_.store->health();
  if (!health.ok() && health.error().code == Code::kResourceExhausted) {
    lacked_space_ = true;
    if (!engine_.store->recover().ok()) return;  // it may go on by itself
  }
  if (lacked_space_ && engine_.store->health().ok()) {
    lacked_space_ = false;
    log_info("the disk has room again: writes go on", {{"directory", engine_.directory}});
  }
}

bool Housekeeper::closing() {
  std::lock_guard lock(mutex_);
  return closing_;
}

int64_t Housekeeper::apart_ms() const {
  return engine_.clock.wall_ms() - monotonic_ms(engine_.clock);
}

bool Housekeeper::clock_is_believed() {
  const int64_t apart = apart_ms();
  if (std::abs(apart - apart_ms_) > kJumpMs) {
    log_warn("the machine's clock was set: expired points are hidden by it, and removed when it stays so",
             {{"by_seconds", (apart - apart_ms_) / 1000}});
    believed_from_ms_ = monotonic_ms(engine_.clock) + kDoubtMs;
    apart_ms_ = apart;
  }
  return monotonic_ms(engine_.clock) >= believed_from_ms_;
}

}  // namespace kith
