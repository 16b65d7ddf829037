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

std::byte* map_pages(size_t bytes) {
  void* start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return start == MAP_FAILED ? nullptr : static_cast<std::byte*>(start);
}

/// `bytes` (a multiple of the huge page) at an address that is one too: maps one page more and gives the ends
/// back.
std::byte* map_huge(size_t bytes) {
  const size_t mapped = bytes + AlignedBuffer::kHugePage;
  std::byte* first = map_pages(mapped);
  if (first == nullptr) return nullptr;
  const size_t head = round_up(reinterpret_cast<uintptr_t>(first), AlignedBuffer::kHugePage) -
                      reinterpret_cast<uintptr_t>(first);
  if (head > 0) munmap(first, head);
  const size_t tail = mapped - head - bytes;
  if (tail > 0) munmap(first + head + bytes, tail);
  (void)madvise(first + head, bytes, MADV_HUGEPAGE);  // advice: a kernel without huge pages answers EINVAL
  return first + head;
}

Error no_memory(size_t bytes) {
  return resource_exhausted("no memory for a buffer of {} bytes", bytes);
}

/// The address space; also keeps the roundings from wrapping.
constexpr size_t kBytesMax = size_t{1} << 47;

}  // namespace

Result<AlignedBuffer> AlignedBuffer::allocate(size_t bytes) {
  if (bytes > kBytesMax) return no_memory(bytes);
  if (bytes >= kHugePage) {
    const size_t rounded = round_up(bytes, kHugePage);
    std::byte* data = map_huge(rounded);
    if (data == nullptr) return no_memory(bytes);
    return AlignedBuffer(data, bytes, rounded);
  }
  const size_t alignment = bytes >= kPage ? kPage : kAlignment;
  const size_t rounded = round_up(bytes == 0 ? 1 : bytes, alignment);
  auto* data = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
  if (data == nullptr) return no_memory(bytes);
  std::memset(data, 0, rounded);
  return AlignedBuffer(data, bytes, 0);
}

Result<AlignedBuffer> AlignedBuffer::reserve(size_t bytes) {
  if (bytes > kBytesMax) return no_memory(bytes);
  const size_t rounded = round_up(bytes == 0 ? 1 : bytes, kPage);
  std::byte* data = map_pages(rounded);
  if (data == nullptr) return no_memory(bytes);
  (void)madvise(data, rounded, MADV_NOHUGEPAGE);  // advice, see map_huge
  return AlignedBuffer(data, bytes, rounded);
}

void AlignedBuffer::offer_huge_pages(size_t from) {
  const size_t begin = round_up(from, kPage);
  if (begin < mapped_) (void)madvise(data_ + begin, mapped_ - begin, MADV_HUGEPAGE);
}

void AlignedBuffer::discard(std::byte* from, std::byte* to) {
  std::byte* first = from - reinterpret_cast<uintptr_t>(from) % kPage;
  std::byte* last = to - reinterpret_cast<uintptr_t>(to) % kPage;
  if (first < last) CHECK(madvise(first, static_cast<size_t>(last - first), MADV_DONTNEED) == 0);
}

AlignedBuffer::~AlignedBuffer() {
  if (mapped_ > 0) {
    munmap(data_, mapped_);
  } else {
    std::free(data_);
  }
}

}  // namespace kith
