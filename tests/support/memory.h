// What this process holds in memory, from /proc.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace kith::test {

inline uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace kith::test
