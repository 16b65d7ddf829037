// LinkQueue: which nodes wait to be linked, and who links them: tasks on a thread pool, one per pool thread,
// and every thread that waits (add under back-pressure, settle), so that waiting inside a pool's own task
// cannot deadlock.
//
// Nodes are claimed in order. `prefix` is a node below which all are done, so [prefix, end) holds all pending
// ones. A pool task works a slice and queues itself again, so that other work of the pool gets its turn.
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
    virtual void link(Node node) = 0;
    virtual bool linked(Node node) const = 0;
  };

  /// `work` and `pool` (may be null) outlive the queue.
  LinkQueue(Work& work, ThreadPool* pool) : work_(work), pool_(pool), control_(std::make_shared<Control>()) {}
  /// Stops after the nodes now being linked.
  ~LinkQueue();

  /// Nodes [0, count) are linked already. While none is pending only.
  void assume_done(Node count);
  /// Nodes [previous end, end) are to be linked. Links them here when there is no pool.
  void publish(Node end);
  /// Returns when at most `count` are pending, linking itself meanwhile.
  void wait_at_most(uint64_t count);
  /// Returns when none of now is pending. The stop's error when it says so first.
  Result<void> drain(const Stop& stop);

  uint64_t pending() const {
    const uint64_t done = done_.load(std::memory_order_acquire);  // first: both only grow
    return end_.load(std::memory_order_acquire) - done;
  }
  Node prefix() const { return prefix_.load(std::memory_order_acquire); }

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
  std::atomic<Node> end_{0};
  std::atomic<Node> claimed_{0};
  std::atomic<Node> prefix_{0};
  std::atomic<uint64_t> done_{0};
};

}  // namespace kith
