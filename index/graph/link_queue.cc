#include "index/graph/link_queue.h"

#include <algorithm>
#include <chrono>

#include "base/schedule.h"

namespace kith {
namespace {

constexpr int kSlice = 128;  // nodes a task links before it lets other tasks of the pool run

}  // namespace

LinkQueue::~LinkQueue() {
  stopping_.store(true, std::memory_order_relaxed);
  std::unique_lock lock(control_->mutex);
  control_->stopped = true;
  control_->changed.wait(lock, [this] { return control_->running == 0; });
}

void LinkQueue::publish(uint64_t end) {
  end_.store(end, std::memory_order_release);
  schedule_point();
  if (pool_ == nullptr) {
    while (link_one()) {
    }
    return;
  }
  std::lock_guard lock(control_->mutex);
  submit_tasks();
}

void LinkQueue::wait_at_most(uint64_t count) {
  while (pending() > count) {
    if (link_one()) continue;
    std::unique_lock lock(control_->mutex);
    control_->changed.wait_for(lock, std::chrono::milliseconds(1));
  }
}

/// What comes meanwhile is not waited for: under steady writes there would be no end.
Result<void> LinkQueue::drain(const Stop& stop) {
  const uint64_t end = end_.load(std::memory_order_acquire);
  const auto drained = [&] {
    advance_prefix();
    return prefix() >= end && (pending() == 0 || end_.load(std::memory_order_relaxed) != end);
  };
  while (!drained()) {
    TRY(stop.check());
    if (link_one()) continue;
    std::unique_lock lock(control_->mutex);
    control_->changed.wait_for(lock, std::chrono::milliseconds(1));
  }
  return {};
}

void LinkQueue::wait_for_prefix(uint64_t position) {
  for (advance_prefix(); prefix() < position; advance_prefix()) {
    if (link_one()) continue;
    std::unique_lock lock(control_->mutex);
    control_->changed.wait_for(lock, std::chrono::milliseconds(1));
  }
}

void LinkQueue::ask_for_tidying() {
  if (untidy_.exchange(true, std::memory_order_relaxed)) return;
  std::lock_guard lock(control_->mutex);
  submit_tasks();
}

/// Links the next node, if there is one.
bool LinkQueue::link_one() {
  uint64_t node = claimed_.load(std::memory_order_relaxed);
  do {
    if (node >= end_.load(std::memory_order_acquire)) return false;
  } while (!claimed_.compare_exchange_weak(node, node + 1, std::memory_order_acq_rel));
  schedule_point();
  if (!work_.linked(node)) work_.link(node);
  schedule_point();
  done_.fetch_add(1, std::memory_order_release);
  advance_prefix();
  return true;
}

void LinkQueue::advance_prefix() {
  uint64_t prefix = prefix_.load(std::memory_order_relaxed);
  while (prefix < claimed_.load(std::memory_order_acquire) && work_.linked(prefix)) {
    if (prefix_.compare_exchange_weak(prefix, prefix + 1, std::memory_order_acq_rel)) ++prefix;
  }
}

void LinkQueue::assume_done(uint64_t count) {
  claimed_.store(count, std::memory_order_relaxed);
  end_.store(count, std::memory_order_relaxed);
  done_.store(count, std::memory_order_release);
  prefix_.store(count, std::memory_order_release);
}

/// A task for every thread of the pool as long as there are nodes for it. The caller holds the mutex.
void LinkQueue::submit_tasks() {
  const uint64_t unclaimed = end_.load(std::memory_order_relaxed) - claimed_.load(std::memory_order_relaxed);
  const uint64_t wanted =
      std::min<uint64_t>(pool_->threads(), unclaimed + untidy_.load(std::memory_order_relaxed));
  for (; control_->running + control_->queued < wanted; ++control_->queued) {
    pool_->submit([control = control_, this] {
      {
        std::lock_guard lock(control->mutex);
        --control->queued;
        if (control->stopped) return;  // the queue may be gone
        ++control->running;
      }
      run_slice();
    });
  }
}

void LinkQueue::run_slice() {
  if (!stopping_.load(std::memory_order_relaxed) && untidy_.exchange(false, std::memory_order_relaxed))
    work_.tidy();
  for (int i = 0; i < kSlice && !stopping_.load(std::memory_order_relaxed) && link_one(); ++i) {
  }
  const std::shared_ptr<Control> control = control_;  // the queue may go when the lock below is released
  std::lock_guard lock(control->mutex);
  --control->running;
  control->changed.notify_all();
  // Nodes published after the last look, when this task still counted, have no task of their own.
  if (!control->stopped) submit_tasks();
}

}  // namespace kith
