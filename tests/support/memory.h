// What this process holds in memory, from /proc; bounds on it mean something in plain builds only.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>

namespace kith::test {

#ifdef KITH_SANITIZED
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

inline uint64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace kith::test
