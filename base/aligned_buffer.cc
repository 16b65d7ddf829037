#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace kith {
namespace {

constexpr size_t round_up(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// `bytes` (a multiple of the huge page) at an address that is one too: maps one page more and gives the ends
/// back.
std::byte* map_huge(size_t bytes) {
  const size_t mapped = bytes + AlignedBuffer::kHugePage;
  void* start = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  auto* first = static_cast<std::byte*>(start);
  const size_t head = round_up(reinterpret_cast<uintptr_t>(first), AlignedBuffer::kHugePage) -
                      reinterpret_cast<uintptr_t>(first);
  if (head > 0) munmap(first, head);
  const size_t tail = mapped - head - bytes;
  if (tail > 0) munmap(first + head + bytes, tail);
  (void)madvise(first + head, bytes, MADV_HUGEPAGE);  // advice: a kernel without huge pages answers EINVAL
  return first + head;
}

}  // namespace

Result<AlignedBuffer> AlignedBuffer::allocate(size_t bytes) {
  constexpr size_t kBytesMax = size_t{1}
                               << 47;  // the address space; also keeps the roundings below from wrapping
  if (bytes > kBytesMax)
    return resource_exhausted("buffer of {} bytes is larger than the address space", bytes);
  std::byte* data;
  if (bytes >= kHugePage) {
    data = map_huge(round_up(bytes, kHugePage));
  } else {
    const size_t alignment = bytes >= kPage ? kPage : kAlignment;
    const size_t rounded = round_up(bytes == 0 ? 1 : bytes, alignment);
    data = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
    if (data != nullptr) std::memset(data, 0, rounded);
  }
  if (data == nullptr) return resource_exhausted("no memory for a buffer of {} bytes", bytes);
  return AlignedBuffer(data, bytes);
}

AlignedBuffer::~AlignedBuffer() {
  if (data_ == nullptr) return;
  if (size_ >= kHugePage) {
    munmap(data_, round_up(size_, kHugePage));
  } else {
    std::free(data_);
  }
}

}  // namespace kith
