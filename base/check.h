// Broken invariants stop the process: continuing would put wrong bytes on disk or wrong answers on the wire.
// CHECK is always on and cheap; DCHECK is for hot loops and vanishes in release builds.
// Input from disk or wire is never a reason for a CHECK: that is a Result (see base/result.h).
#pragma once

#include <cstdio>
#include <cstdlib>

namespace kith {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "kith: broken invariant `%s` at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace kith

#define CHECK(condition)                                       \
  (__builtin_expect(static_cast<bool>(condition), 1) ? void(0) \
                                                     : ::kith::check_failed(#condition, __FILE__, __LINE__))

#ifdef NDEBUG
#define DCHECK(condition) (false ? void(condition) : void(0))
#else
#define DCHECK(condition) CHECK(condition)
#endif
