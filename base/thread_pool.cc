#include "base/thread_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/log.h"

namespace kith {
namespace {

/// Of the calling thread. Schedulers by deadlines (EEVDF, Linux 6.6 on) let whoever computes run for some
/// milliseconds before a thread that wakes up has its CPU: so long would a writer wait after each sync, with
/// linkers at work. Linux takes a slice from 6.12 on, and ignores it before. Where threads have a policy of
/// their own they keep it.
void run_in_short_slices() {
  if (sched_getscheduler(0) != SCHED_OTHER) return;
  struct {  // sched_setattr(2), as of Linux 3.14
    uint32_t size = sizeof(*this), policy = SCHED_OTHER;
    uint64_t flags = 0;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t slice_ns = 100'000, deadline = 0, period = 0;
  } attributes;
  attributes.nice = getpriority(PRIO_PROCESS, 0);       // of a thread, on Linux
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);  // where that is not granted it goes on as it is
}

}  // namespace

struct ThreadPool::State {
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<std::function<void()>> queue;  // guarded by mutex
  bool closing = false;                     // guarded by mutex
  std::vector<std::thread> threads;

  /// Here, so that it also ends those that a constructor started which ran out of memory then.
  ~State() {
    {
      std::lock_guard lock(mutex);
      closing = true;
    }
    wake.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  void work() {
    run_in_short_slices();
    std::unique_lock lock(mutex);
    while (true) {
      wake.wait(lock, [this] { return closing || !queue.empty(); });
      if (queue.empty()) return;  // closing, and everything queued is done
      {
        std::function<void()> task = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        task();
      }  // destroys what the task captured before the lock is taken again
      lock.lock();
    }
  }
};

ThreadPool::ThreadPool(size_t threads) : state_(std::make_unique<State>()) {
  if (threads == 0) threads = std::max(1u, std::thread::hardware_concurrency());
  state_->threads.reserve(threads);
  while (state_->threads.size() < threads) {
    try {
      state_->threads.emplace_back([state = state_.get()] { state->work(); });
    } catch (const std::system_error& error) {  // a limit on processes: fewer do as well, none would not
      CHECK(!state_->threads.empty());
      log_warn("thread pool is smaller than asked for",
               {{"threads", state_->threads.size()}, {"asked", threads}, {"error", error.what()}});
      return;
    }
    pthread_setname_np(state_->threads.back().native_handle(), "kith-pool");
  }
}

ThreadPool::~ThreadPool() = default;

size_t ThreadPool::threads() const {
  return state_->threads.size();
}

void ThreadPool::submit(std::function<void()> task) {
  {
    std::lock_guard lock(state_->mutex);
    state_->queue.push_back(std::move(task));
  }
  state_->wake.notify_one();
}

namespace {

/// One parallel_for. Chunks are handed out by `next`; whoever finishes the last one wakes the caller. The
/// caller waits only for chunks that a running thread has taken, never for a helper that has not started: so
/// a loop inside a loop cannot deadlock. Helpers that start late find no chunk and touch nothing but this
/// block, which they share.
struct Loop {
  size_t count;
  size_t grain;
  size_t chunks;
  const std::function<void(size_t)>* body;  // alive while a chunk is undone
  std::atomic<size_t> next{0};
  std::atomic<size_t> done{0};
  std::mutex mutex;
  std::exception_ptr
      thrown;  // the first; guarded by mutex. The caller throws it again once nobody runs `body`
  std::condition_variable all_done;

  void work() {
    size_t finished = 0;
    for (size_t chunk = next++; chunk < chunks; chunk = next++) {
      run(chunk);
      ++finished;
    }
    if (finished == 0 || done.fetch_add(finished, std::memory_order_acq_rel) + finished < chunks) return;
    std::lock_guard lock(mutex);  // so that the notice cannot fall between the caller's test and its sleep
    all_done.notify_all();
  }

  void run(size_t chunk) {
    const size_t end = std::min(count, (chunk + 1) * grain);
    try {
      for (size_t i = chunk * grain; i < end; ++i) (*body)(i);
    } catch (...) {
      std::lock_guard lock(mutex);
      if (thrown == nullptr) thrown = std::current_exception();
    }
  }

  void wait() {
    std::unique_lock lock(mutex);
    all_done.wait(lock, [this] { return done.load(std::memory_order_acquire) == chunks; });
  }
};

}  // namespace

void ThreadPool::parallel_for(size_t count, size_t grain, const std::function<void(size_t)>& body) {
  if (count == 0) return;
  grain = std::clamp<size_t>(grain, 1, count);
  const size_t chunks = (count - 1) / grain + 1;
  if (chunks == 1) {
    for (size_t i = 0; i < count; ++i) body(i);
    return;
  }
  auto loop = std::make_shared<Loop>();
  loop->count = count;
  loop->grain = grain;
  loop->chunks = chunks;
  loop->body = &body;
  const size_t helpers = std::min(threads(), chunks - 1);
  try {
    for (size_t i = 0; i < helpers; ++i) submit([loop] { loop->work(); });
  } catch (const std::bad_alloc&) {  // those that started suffice
  }
  loop->work();
  loop->wait();
  if (loop->thrown != nullptr) std::rethrow_exception(loop->thrown);
}

}  // namespace kith
