// Runs threads one at a time, in an order that a seed decides: whoever reaches a lock, a wait, a yield or a
// schedule_point (base/schedule.h) may have to let another go first. The same seed gives the same order, so a
// failure can be looked at again. The executable takes the place of the pthread functions (scheduler.cc),
// which is how threads and locks of the library and of the standard library come under it.
#pragma once

#include <cstdint>
#include <functional>

namespace kith::test {

struct Schedule {
  uint64_t seed = 0;
  uint32_t stay = 4;  // of so many times that a thread could be stopped, it is once
};

/// Runs `body` and all threads that it makes, which it ends. Waits with a time limit may run into it at any
/// time. Aborts, saying the seed, where all threads wait for each other. One at a time.
void run_schedule(const Schedule& schedule, const std::function<void()>& body);

}  // namespace kith::test
