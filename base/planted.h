// Bugs planted on purpose, to see that the tests would notice them. `./dev planted` builds with
// KITH_PLANTED_BUGS, where the environment variable KITH_PLANT names the one that is on, and fails when no
// job of tests/planted catches it. In every other build planted() is the constant false.
#pragma once

#include <cstdlib>
#include <string_view>

namespace kith {

#ifdef KITH_PLANTED_BUGS
inline bool planted(std::string_view bug) {
  static const char* const on = std::getenv("KITH_PLANT");
  return on != nullptr && bug == on;
}
#else
constexpr bool planted(std::string_view) {
  return false;
}
#endif

}  // namespace kith
