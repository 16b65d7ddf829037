// ExtentStore: fixed-stride records in extents of 64 Ki, zeroed, growing without moving anything (design.md
// §4).
//
// One thread grows; any number read and write records below the size they know of. An extent's pointer is
// published with release and read with acquire, so a reader that learnt of a record by any synchronising
// means finds its extent. Extents of 2 MiB and more lie on huge pages where the machine has them
// (base/aligned_buffer.h) and cost memory only where touched. Records so wide that 64 Ki of them pass 256 MiB
// get smaller extents.
#pragma once

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "index/node.h"

namespace kith {

class ExtentStore {
 public:
  explicit ExtentStore(size_t stride);

  /// Makes records [0, count) exist. ResourceExhausted when the machine has not the memory; nothing lost
  /// then.
  Result<void> grow(uint64_t count);

  std::byte* at(uint64_t i) const {
    return directory_.get()[i >> shift_].load(std::memory_order_acquire) + (i & mask_) * stride_;
  }
  size_t stride() const { return stride_; }
  /// Records from `i` on that lie side by side with it.
  uint64_t contiguous(uint64_t i) const { return mask_ + 1 - (i & mask_); }

 private:
  using Pointer = std::atomic<std::byte*>;
  static_assert(Pointer::is_always_lock_free && sizeof(Pointer) == sizeof(void*));
  struct Free {
    void operator()(Pointer* pointers) const { std::free(pointers); }
  };

  size_t stride_;
  unsigned shift_;
  uint64_t mask_;
  std::vector<AlignedBuffer> extents_;        // owned by the growing thread
  std::unique_ptr<Pointer, Free> directory_;  // calloc: pages of a mostly empty directory stay untouched
};

/// The same for records of a type for which zero bytes are a valid value.
template <typename T>
class ExtentArray {
 public:
  ExtentArray() : store_(sizeof(T)) {}
  Result<void> grow(uint64_t count) { return store_.grow(count); }
  T& operator[](uint64_t i) const { return *reinterpret_cast<T*>(store_.at(i)); }

 private:
  ExtentStore store_;
};

}  // namespace kith
