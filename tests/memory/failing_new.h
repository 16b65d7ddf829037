// operator new that fails when asked to: the nth allocation of this thread from now on, once. Replaces the
// one of the whole executable, which is why these tests have one of their own.
#pragma once

#include <cstdint>

namespace kith::test {

/// While it lives, the nth allocation of this thread throws std::bad_alloc.
class AllocationFault {
 public:
  explicit AllocationFault(uint64_t nth);
  ~AllocationFault();
  AllocationFault(const AllocationFault&) = delete;
  AllocationFault& operator=(const AllocationFault&) = delete;

  /// There were so many.
  bool fired() const;
};

/// While it lives, allocations of this thread are not counted: those of others' code, which does not live
/// without memory.
class Uncounted {
 public:
  Uncounted();
  ~Uncounted();
  Uncounted(const Uncounted&) = delete;
  Uncounted& operator=(const Uncounted&) = delete;
};

/// Back to ours inside of it.
class CountedAgain {
 public:
  CountedAgain();
  ~CountedAgain();
  CountedAgain(const CountedAgain&) = delete;
  CountedAgain& operator=(const CountedAgain&) = delete;

 private:
  const uint32_t before_;
};

}  // namespace kith::test
