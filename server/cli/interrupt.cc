#include "server/cli/interrupt.h"

#include <atomic>
#include <csignal>

namespace kith {
namespace {

std::atomic<bool> interrupt_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may only touch lock-free atomics");

void on_signal(int signal) {
  interrupt_seen.store(true, std::memory_order_relaxed);
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_interrupts() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() {
  return interrupt_seen.load(std::memory_order_relaxed);
}

Stop interruptible(double timeout_s) {
  Stop stop;
  stop.cancelled = [](const void*) { return interrupted(); };
  if (timeout_s > 0)
    stop.deadline =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                               std::chrono::duration<double>(timeout_s));
  return stop;
}

}  // namespace kith
