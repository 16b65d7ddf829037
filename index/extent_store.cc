#include "index/extent_store.h"

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

ExtentStore::ExtentStore(size_t stride)
    : stride_(stride), shift_(shift_for(stride)), mask_((uint64_t{1} << shift_) - 1) {
  directory_.reset(static_cast<Pointer*>(std::calloc(kNodesMax >> shift_, sizeof(Pointer))));
  CHECK(directory_ != nullptr);
}

Result<void> ExtentStore::grow(uint64_t count) {
  if (count > kNodesMax)
    return resource_exhausted("an index holds at most {} vectors, not {}", kNodesMax, count);
  const uint64_t extents = (count + mask_) >> shift_;
  while (extents_.size() < extents) {
    AlignedBuffer extent = TRY(AlignedBuffer::allocate(stride_ << shift_));
    directory_.get()[extents_.size()].store(extent.data(), std::memory_order_release);
    extents_.push_back(std::move(extent));
  }
  return {};
}

}  // namespace kith
