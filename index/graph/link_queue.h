// LinkQueue: which nodes wait to be linked, and who links them: tasks on a thread pool, one per pool thread,
// and every thread that waits (add under back-pressure, settle), so that waiting inside a pool's own task
// cannot deadlock.
//
// Nodes are named by their positions in the queue and claimed in order. `prefix` is a position below which
// all are done, so [prefix, end) holds all pending ones. A pool task works a slice and queues itself again,
// so that other work of the pool gets its turn.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "base/stop.h"
#include "base/thread_pool.h"
#include "index/node.h"

namespace kith {

class LinkQueue {
 public:
  /// What the queue asks of the graph. Called by many threads.
  class Work {
   public:
    virtual ~Work() = default;
    virtual void link(uint64_t position) = 0;
    virtual bool linked(uint64_t position) const = 0;
    /// Other work that was asked for by `ask_for_tidying`.
    virtual void tidy() {}
  };

  /// `work` and `pool` (may be null) outlive the queue.
  LinkQueue(Work& work, ThreadPool* pool) : work_(work), pool_(pool), control_(std::make_shared<Control>()) {}
  /// Stops after the nodes now being linked.
  ~LinkQueue();

  /// Nodes [0, count) are linked already. While none is pending only.
  void assume_done(uint64_t count);
  /// Nodes [previous end, end) are to be linked. Links them here when there is no pool.
  void publish(uint64_t end);
  /// Returns when at most `count` are pending, linking itself meanwhile.
  void wait_at_most(uint64_t count);
  /// Returns when all nodes below `position` are linked, linking itself meanwhile.
  void wait_for_prefix(uint64_t position);
  /// Returns when none of now is pending. The stop's error when it says so first.
  Result<void> drain(const Stop& stop);

  /// Has a task of the pool, which there is, call Work::tidy soon; once, however often it is asked before.
  void ask_for_tidying();

  uint64_t pending() const {
    const uint64_t done = done_.load(std::memory_order_acquire);  // first: both only grow
    return end_.load(std::memory_order_acquire) - done;
  }
  uint64_t prefix() const { return prefix_.load(std::memory_order_acquire); }
  uint64_t end() const { return end_.load(std::memory_order_acquire); }

 private:
  /// Outlives the queue in tasks that the pool has not started yet; they find `stopped` and leave.
  struct Control {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopped = false;  // guarded by mutex
    size_t running = 0;    // tasks inside the queue; guarded by mutex
    size_t queued = 0;     // tasks submitted and not started; guarded by mutex
  };

  bool link_one();
  void advance_prefix();
  void submit_tasks();
  void run_slice();

  Work& work_;
  ThreadPool* pool_;
  std::shared_ptr<Control> control_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> untidy_{false};
  std::atomic<uint64_t> end_{0};
  std::atomic<uint64_t> claimed_{0};
  std::atomic<uint64_t> prefix_{0};
  std::atomic<uint64_t> done_{0};
};

}  // namespace kith
