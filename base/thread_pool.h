// ThreadPool: a fixed number of threads, one queue, and a parallel loop on which the caller works too. The
// queue has no bound of its own: work is limited where it is admitted (batch sizes, pending rows), since a
// submit that blocked inside a task of the same pool would deadlock. Tasks do not throw. All calls are
// thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace kith {

class ThreadPool {
 public:
  /// `threads` ≥ 1; 0 means one per CPU.
  explicit ThreadPool(size_t threads);
  ~ThreadPool();  // finishes what is queued, then joins
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  size_t threads() const;
  /// Runs `task` on some thread of the pool, some time. Never blocks.
  void submit(std::function<void()> task);
  /// body(i) for every i in [0, count), on the pool and on the calling thread, in chunks of `grain`; returns
  /// when all are done. What body throws (out of memory) is thrown again then, the first of it. May be called
  /// from a task of the same pool without deadlock.
  void parallel_for(size_t count, size_t grain, const std::function<void(size_t)>& body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kith
