// What this process holds in memory, from /proc; bounds on it mean something in plain builds only.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

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

/// The most that was resident since the last call of this; 0 where the kernel lets nobody ask.
inline uint64_t take_peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  uint64_t kib = 0;
  for (std::string word; kib == 0 && status >> word;)
    if (word == "VmHWM:") status >> kib;
  std::ofstream reset("/proc/self/clear_refs");
  reset << "5" << std::flush;
  return reset.good() ? kib * 1024 : 0;
}

}  // namespace kith::test
