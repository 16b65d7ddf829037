#include "index/extent_store.h"

#include <algorithm>

namespace kith {
namespace {

constexpr unsigned kShift = 16;
constexpr size_t kExtentBytesMax = size_t{256} << 20;

unsigned shift_for(size_t stride) {
  unsigned shift = kShift;
  while (shift > 6 && (stride << shift) > kExtentBytesMax) --shift;
  return shift;
}

}  // namespace

ExtentStore::ExtentStore(size_t stride, bool discards)
    : stride_(stride), discards_(discards), shift_(shift_for(stride)), mask_((uint64_t{1} << shift_) - 1) {}

Result<void> ExtentStore::grow(uint64_t count) {
  if (count > kNodesMax)
    return resource_exhausted("an index holds at most {} vectors, not {}", kNodesMax, count);
  const uint64_t extents = (count + mask_) >> shift_;
  while (extents_.size() < extents) TRY(add_extent(count));
  if (first_extent_small_ && count * stride_ > AlignedBuffer::kHugePage) {
    extents_[0].offer_huge_pages(AlignedBuffer::kHugePage);
    first_extent_small_ = false;
  }
  return {};
}

/// One more, on the way to `count` records.
Result<void> ExtentStore::add_extent(uint64_t count) {
  const size_t i = extents_.size();
  const bool small = i == 0 && !discards_ && count * stride_ <= AlignedBuffer::kHugePage;
  const size_t bytes = stride_ << shift_;
  AlignedBuffer extent =
      small || discards_ ? TRY(AlignedBuffer::reserve(bytes)) : TRY(AlignedBuffer::allocate(bytes));
  if (i == directory_capacity_) {
    const size_t capacity = std::max<size_t>(1, 2 * directory_capacity_);
    auto directory = std::make_unique<std::byte*[]>(capacity);
    std::copy_n(directory_.load(std::memory_order_relaxed), i, directory.get());
    directories_.push_back(std::move(directory));
    directory_capacity_ = capacity;
  }
  directories_.back()[i] = extent.data();
  directory_.store(directories_.back().get(), std::memory_order_release);
  if (small) first_extent_small_ = true;
  extents_.push_back(std::move(extent));
  return {};
}

void ExtentStore::discard(uint64_t begin, uint64_t end, const KeptPages& kept) {
  CHECK(discards_);
  while (begin < end) {
    const uint64_t count = std::min(end - begin, contiguous(begin));
    kept.discard_others(at(begin), at(begin) + count * stride_);
    begin += count;
  }
}

}  // namespace kith
