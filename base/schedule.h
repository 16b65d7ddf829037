// Places where another thread may come in between, for tests that try many orders (tests/schedule, which build
// with KITH_SCHEDULES). Locks and waits are such places anyway; these are the ones between atomics. In every
// other build nothing.
#pragma once

#include <cstddef>

namespace kith {

#ifdef KITH_SCHEDULES
void schedule_point();
/// Limits are small where orders are tried, so that few rows reach them.
constexpr size_t in_schedules(size_t small, size_t /*usual*/) {
  return small;
}
#else
inline void schedule_point() {}
constexpr size_t in_schedules(size_t /*small*/, size_t usual) {
  return usual;
}
#endif

}  // namespace kith
