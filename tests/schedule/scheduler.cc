#include "tests/schedule/scheduler.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <vector>

#include "base/schedule.h"

namespace kith::test {
namespace {

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}
#define KITH_REAL(name)                                                    \
  [] {                                                                     \
    static auto* const function = kith::test::real<decltype(name)>(#name); \
    return function;                                                       \
  }()

/// What a thread waits for.
struct Wait {
  enum class For : uint8_t { kNothing, kMutex, kReading, kWriting, kSignal, kEnd };
  For what = For::kNothing;
  const void* of = nullptr;
  bool times_out = false;  // it may go on all the same
};

struct Actor {
  pthread_cond_t turn = PTHREAD_COND_INITIALIZER;
  pthread_t thread{};
  Wait wait;
  bool signalled = false;
  bool ended = false;
};

/// Of the locks that threads under the scheduler hold.
struct Lock {
  const Actor* owner = nullptr;  // alone
  int readers = 0;
};

class Scheduler {
 public:
  void begin(const Schedule& schedule) {
    schedule_ = schedule;
    state_ = schedule.seed * 0x9e3779b97f4a7c15u + 1;
    actors_.push_back(std::make_unique<Actor>());
    actors_.back()->thread = pthread_self();
    current_ = self = actors_.back().get();
    locks_.clear();
  }
  void end() {
    for (const auto& actor : actors_)
      if (actor.get() != self && !actor->ended) stuck("the body has ended and threads go on");
    actors_.clear();
    self = current_ = nullptr;
  }

  void point() {
    if (random() % schedule_.stay == 0) next();
  }

  void lock(const void* mutex) {
    wait_until({Wait::For::kMutex, mutex});
    locks_[mutex].owner = self;
  }
  bool try_lock(const void* mutex) {
    point();
    if (!free(mutex)) return false;
    locks_[mutex].owner = self;
    return true;
  }
  void read_lock(const void* lock) {
    wait_until({Wait::For::kReading, lock});
    ++locks_[lock].readers;
  }
  void unlock(const void* lock) {
    Lock& held = locks_[lock];
    if (held.owner == self) {
      held.owner = nullptr;
    } else {
      --held.readers;
    }
    if (held.readers == 0 && held.owner == nullptr) locks_.erase(lock);
    point();
  }
  /// False when the time ran out.
  bool wait(const void* condition, const void* mutex, bool times_out) {
    locks_.erase(mutex);
    self->signalled = false;
    self->wait = {Wait::For::kSignal, condition, times_out};
    next();
    const bool signalled = self->signalled;
    lock(mutex);
    return signalled;
  }
  void signal(const void* condition, bool all) {
    std::vector<Actor*> waiting;
    for (const auto& actor : actors_)
      if (actor->wait.what == Wait::For::kSignal && actor->wait.of == condition)
        waiting.push_back(actor.get());
    if (!all && !waiting.empty()) waiting = {waiting[random() % waiting.size()]};
    for (Actor* actor : waiting) {
      actor->signalled = true;
      actor->wait = {};
    }
    point();
  }
  Actor* add() {
    actors_.push_back(std::make_unique<Actor>());
    return actors_.back().get();
  }
  /// A thread that was made: waits for its first turn.
  void enter(Actor* actor) {
    self = actor;
    KITH_REAL(pthread_mutex_lock)(&mutex_);
    while (current_ != actor) KITH_REAL(pthread_cond_wait)(&actor->turn, &mutex_);
    KITH_REAL(pthread_mutex_unlock)(&mutex_);
  }
  void leave() {
    self->ended = true;
    self->wait = {Wait::For::kEnd, self};
    Actor* const other = choose();
    self = nullptr;
    give_turn(other);
  }
  bool join(pthread_t thread) {
    for (const auto& actor : actors_)
      if (pthread_equal(actor->thread, thread) != 0 && actor.get() != self) {
        while (!actor->ended) {
          self->wait = {Wait::For::kEnd, actor.get()};
          next();
        }
        self->wait = {};
        return true;
      }
    return false;
  }

  static thread_local Actor* self;

 private:
  bool free(const void* mutex) const {
    const auto found = locks_.find(mutex);
    return found == locks_.end() || (found->second.owner == nullptr && found->second.readers == 0);
  }
  bool runs(const Actor& actor) const {
    switch (actor.wait.what) {
      case Wait::For::kNothing:
        return true;
      case Wait::For::kMutex:
      case Wait::For::kWriting:
        return free(actor.wait.of);
      case Wait::For::kReading: {
        const auto found = locks_.find(actor.wait.of);
        return found == locks_.end() || found->second.owner == nullptr;
      }
      case Wait::For::kSignal:
        return actor.wait.times_out;
      case Wait::For::kEnd:
        return !actor.ended && static_cast<const Actor*>(actor.wait.of)->ended;
    }
    return false;
  }
  void wait_until(const Wait& wait) {
    point();
    self->wait = wait;
    while (!runs(*self)) next();
    self->wait = {};
  }
  Actor* choose() {
    std::vector<Actor*> able;
    for (const auto& actor : actors_)
      if (runs(*actor)) able.push_back(actor.get());
    if (able.empty()) stuck("all threads wait for each other");
    return able[random() % able.size()];
  }
  /// Lets any thread that can run go on; returns when it is this one's turn again.
  void next() {
    Actor* const me = self;
    Actor* const other = choose();
    if (other == me) {
      if (me->wait.what == Wait::For::kSignal) me->wait = {};
      return;
    }
    KITH_REAL(pthread_mutex_lock)(&mutex_);
    current_ = other;
    KITH_REAL(pthread_cond_signal)(&other->turn);
    while (current_ != me) KITH_REAL(pthread_cond_wait)(&me->turn, &mutex_);
    KITH_REAL(pthread_mutex_unlock)(&mutex_);
    if (me->wait.what == Wait::For::kSignal) me->wait = {};
  }
  void give_turn(Actor* other) {
    KITH_REAL(pthread_mutex_lock)(&mutex_);
    current_ = other;
    KITH_REAL(pthread_cond_signal)(&other->turn);
    KITH_REAL(pthread_mutex_unlock)(&mutex_);
  }
  [[noreturn]] void stuck(const char* what) const {
    std::fprintf(stderr, "schedule %llu: %s\n", static_cast<unsigned long long>(schedule_.seed), what);
    std::abort();
  }
  uint64_t random() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    return state_ ^= state_ << 17;
  }

  Schedule schedule_;
  uint64_t state_ = 1;
  pthread_mutex_t mutex_ = PTHREAD_MUTEX_INITIALIZER;  // of current_: who has the turn has all else
  Actor* current_ = nullptr;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::map<const void*, Lock> locks_;
};

thread_local Actor* Scheduler::self = nullptr;

/// Never destroyed: threads of others may end after main.
Scheduler& scheduler() {
  static auto* const one = new Scheduler;
  return *one;
}

bool scheduled() {
  return Scheduler::self != nullptr;
}

struct Start {
  void* (*routine)(void*);
  void* argument;
  Actor* actor;
};

void* start(void* given) {
  const std::unique_ptr<Start> what(static_cast<Start*>(given));
  scheduler().enter(what->actor);
  void* const result = what->routine(what->argument);
  scheduler().leave();
  return result;
}

}  // namespace

void run_schedule(const Schedule& schedule, const std::function<void()>& body) {
  scheduler().begin(schedule);
  body();
  scheduler().end();
}

}  // namespace kith::test

namespace kith {

void schedule_point() {
  if (test::scheduled()) test::scheduler().point();
}

}  // namespace kith

using kith::test::scheduled;
using kith::test::scheduler;

extern "C" {

int pthread_mutex_lock(pthread_mutex_t* mutex) {
  if (!scheduled()) return KITH_REAL(pthread_mutex_lock)(mutex);
  scheduler().lock(mutex);
  return 0;
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) {
  if (!scheduled()) return KITH_REAL(pthread_mutex_trylock)(mutex);
  return scheduler().try_lock(mutex) ? 0 : EBUSY;
}
int pthread_mutex_unlock(pthread_mutex_t* mutex) {
  if (!scheduled()) return KITH_REAL(pthread_mutex_unlock)(mutex);
  scheduler().unlock(mutex);
  return 0;
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) {
  if (!scheduled()) return KITH_REAL(pthread_rwlock_rdlock)(lock);
  scheduler().read_lock(lock);
  return 0;
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) {
  if (!scheduled()) return KITH_REAL(pthread_rwlock_wrlock)(lock);
  scheduler().lock(lock);
  return 0;
}
int pthread_rwlock_unlock(pthread_rwlock_t* lock) {
  if (!scheduled()) return KITH_REAL(pthread_rwlock_unlock)(lock);
  scheduler().unlock(lock);
  return 0;
}
int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  if (!scheduled()) return KITH_REAL(pthread_cond_wait)(condition, mutex);
  scheduler().wait(condition, mutex, false);
  return 0;
}
int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  if (!scheduled()) return KITH_REAL(pthread_cond_timedwait)(condition, mutex, until);
  return scheduler().wait(condition, mutex, true) ? 0 : ETIMEDOUT;
}
int pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                           const timespec* until) {
  if (!scheduled()) return KITH_REAL(pthread_cond_clockwait)(condition, mutex, clock, until);
  return scheduler().wait(condition, mutex, true) ? 0 : ETIMEDOUT;
}
int pthread_cond_signal(pthread_cond_t* condition) {
  if (!scheduled()) return KITH_REAL(pthread_cond_signal)(condition);
  scheduler().signal(condition, false);
  return 0;
}
int pthread_cond_broadcast(pthread_cond_t* condition) {
  if (!scheduled()) return KITH_REAL(pthread_cond_broadcast)(condition);
  scheduler().signal(condition, true);
  return 0;
}
int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*routine)(void*),
                   void* argument) {
  if (!scheduled()) return KITH_REAL(pthread_create)(thread, attributes, routine, argument);
  kith::test::Actor* const actor = scheduler().add();
  auto* const what = new kith::test::Start{routine, argument, actor};
  const int result = KITH_REAL(pthread_create)(thread, attributes, kith::test::start, what);
  if (result != 0) std::abort();
  actor->thread = *thread;
  return result;
}
int pthread_join(pthread_t thread, void** result) {
  if (scheduled() && scheduler().join(thread)) return KITH_REAL(pthread_join)(thread, result);
  return KITH_REAL(pthread_join)(thread, result);
}
int sched_yield() {
  if (!scheduled()) return KITH_REAL(sched_yield)();
  scheduler().point();
  return 0;
}

}  // extern "C"
