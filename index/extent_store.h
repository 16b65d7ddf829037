// ExtentStore: fixed-stride records in extents of 64 Ki, zeroed, growing without moving anything (design.md
// §4).
//
// One thread grows; any number read and write records below the size they know of. An extent's pointer is
// published with release and read with acquire, so a reader that learnt of a record by any synchronising
// means finds its extent. Extents of 2 MiB and more lie on huge pages where the machine has them
// (base/aligned_buffer.h), except the first 2 MiB of a store that starts small: a collection of a few records
// costs a few pages. Records so wide that 64 Ki of them pass 256 MiB get smaller extents. A store whose
// records are to be given back (discard) lies on ordinary pages.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "index/kept_pages.h"
#include "index/node.h"

namespace kith {

class ExtentStore {
 public:
  explicit ExtentStore(size_t stride, bool discards = false);

  /// Makes records [0, count) exist. ResourceExhausted when the machine has not the memory; nothing lost
  /// then.
  Result<void> grow(uint64_t count);

  std::byte* at(uint64_t i) const {
    return directory_.load(std::memory_order_acquire)[i >> shift_] + (i & mask_) * stride_;
  }
  size_t stride() const { return stride_; }
  bool discards() const { return discards_; }
  /// Gives the memory of records [begin, end) back to the system but for what is kept, where all below
  /// `begin` have been given back before. Addresses stay good: they read as zeros sooner or later. One thread
  /// at a time.
  void discard(uint64_t begin, uint64_t end, const KeptPages& kept);
  /// Records from `i` on that lie side by side with it.
  uint64_t contiguous(uint64_t i) const { return mask_ + 1 - (i & mask_); }

 private:
  using Directory = std::unique_ptr<std::byte*[]>;

  Result<void> add_extent(uint64_t count);

  size_t stride_;
  bool discards_;
  unsigned shift_;
  uint64_t mask_;
  std::atomic<std::byte**> directory_{nullptr};  // extents_' addresses: the last of directories_
  // Owned by the growing thread. A directory that was outgrown stays: a reader may be in it.
  std::vector<AlignedBuffer> extents_;
  std::vector<Directory> directories_;
  size_t directory_capacity_ = 0;
  bool first_extent_small_ = false;  // in ordinary pages so far
};

/// The same for records of a type for which zero bytes are a valid value.
template <typename T>
class ExtentArray {
 public:
  ExtentArray() : store_(sizeof(T)) {}
  Result<void> grow(uint64_t count) { return store_.grow(count); }
  T& operator[](uint64_t i) const { return *reinterpret_cast<T*>(store_.at(i)); }
  uint64_t contiguous(uint64_t i) const { return store_.contiguous(i); }

 private:
  ExtentStore store_;
};

}  // namespace kith
