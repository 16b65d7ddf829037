// What a figure was measured on and with: the machine, the CPU level in use, the compiler and the commit; and
// how much memory the process holds. All read from /proc and uname; what cannot be read is "unknown" or 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace kith::bench {

struct Machine {
  std::string cpu;
  unsigned cores = 0;  // that this process may run on
  uint64_t memory_bytes = 0;
  std::string kernel;
  std::string cpu_level;  // of our kernels: index/distance/distance.h
  std::string compiler;
};

Machine describe_machine();

/// KITH_COMMIT from the environment, else git's HEAD of the working directory, with "-dirty" behind it where
/// tracked files differ; "unknown" where neither is there.
std::string current_commit();

/// Resident bytes of this process now.
uint64_t resident_bytes();

/// CPU seconds so far: of this process, and of all others since the machine began.
struct CpuSeconds {
  double own = 0;
  double others = 0;
};
CpuSeconds cpu_seconds();

/// Measures by how much resident memory grows at most between construction and peak_growth(). Counts
/// everything the process holds in that time, so build one thing at a time. Hands freed memory back to the
/// system first, so that growth cannot hide in it.
class MemoryProbe {
 public:
  MemoryProbe();
  /// None where the kernel lets nobody reset the high-water mark (/proc/self/clear_refs).
  std::optional<uint64_t> peak_growth() const;

 private:
  uint64_t before_ = 0;
  bool reset_ = false;
};

/// Keeps the calling thread on the last `cpus` CPUs it may use while it lives; threads started meanwhile
/// inherit that for good. So a build "with 2 threads" is one with 2 CPUs, however many threads a library
/// starts. Does nothing where the system refuses.
class PinnedThread {
 public:
  explicit PinnedThread(size_t cpus = 1);
  ~PinnedThread();
  PinnedThread(const PinnedThread&) = delete;
  PinnedThread& operator=(const PinnedThread&) = delete;

 private:
  std::string saved_;  // a cpu_set_t; empty when nothing is to be restored
};

}  // namespace kith::bench
