#include "query/collection/checkpointer.h"

#include <algorithm>

#include "base/log.h"

namespace kith {
namespace {

constexpr auto kLook = std::chrono::milliseconds(200);
constexpr auto kRetry = std::chrono::seconds(30);

}  // namespace

Checkpointer::Checkpointer(const CheckpointPolicy& policy, Collections collections)
    : policy_(policy), collections_(std::move(collections)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
  {
    std::lock_guard lock(mutex_);
    closing_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (!policy_.at_close) return;
  for (const std::shared_ptr<LocalCollection>& collection : collections_()) {
    const LocalCollection::Unsaved unsaved = collection->unsaved();
    if (unsaved.any && unsaved.points >= policy_.points_min) take(*collection);
  }
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kLook, [this] { return closing_; })) {
    lock.unlock();
    for (const std::shared_ptr<LocalCollection>& collection : collections_())
      if (due(*collection)) take(*collection);
    lock.lock();
  }
}

bool Checkpointer::due(const LocalCollection& collection) const {
  const LocalCollection::Unsaved unsaved = collection.unsaved();
  if (!unsaved.any) return false;
  const Time now = std::chrono::steady_clock::now();
  if (const auto wait = not_before_.find(collection.number());
      wait != not_before_.end() && now < wait->second)
    return false;
  // Small ones too, once they have changed a lot: else their change log would grow for ever.
  if (unsaved.bytes >= std::max(policy_.bytes, unsaved.saved_bytes / 4)) return true;
  return unsaved.points >= policy_.points_min && now - unsaved.since >= policy_.age;
}

void Checkpointer::take(LocalCollection& collection) {
  const Result<CheckpointReport> taken = collection.checkpoint();
  if (taken.ok()) {
    not_before_.erase(collection.number());
    return log_debug("checkpoint taken", {{"collection", collection.name()},
                                          {"sequence", taken->sequence},
                                          {"written_bytes", taken->written},
                                          {"bytes", taken->bytes},
                                          {"seconds", taken->seconds}});
  }
  if (taken.error().code == Code::kNotFound) return;  // dropped meanwhile
  not_before_[collection.number()] = std::chrono::steady_clock::now() + kRetry;
  log_error("a checkpoint failed: nothing is lost, but the next open takes longer",
            {{"collection", collection.name()}, {"error", taken.error().message}});
}

}  // namespace kith
