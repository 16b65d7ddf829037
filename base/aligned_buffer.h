// AlignedBuffer: zeroed memory for vectors and pages, 64-byte aligned, so that one vector load never
// straddles two cache lines; from 4 KiB on page-aligned, as direct I/O wants it. From 2 MiB on it is mapped
// directly, aligned to 2 MiB and offered to the kernel for huge pages (fewer TLB misses in random walks over
// a graph); where the kernel declines, ordinary pages do. Mapped pages cost memory only once touched.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace kith {

class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kPage = 4096;
  static constexpr size_t kHugePage = size_t{2} << 20;

  /// ResourceExhausted when the machine has not that much.
  static Result<AlignedBuffer> allocate(size_t bytes);

  /// For memory that may stay nearly empty: mapped in ordinary pages whatever its size, so that each costs 4
  /// KiB once touched and not 2 MiB, until offer_huge_pages.
  static Result<AlignedBuffer> reserve(size_t bytes);
  /// Offers huge pages from byte `from` of a reserved buffer on, for what is not touched yet.
  void offer_huge_pages(size_t from);

  /// Gives the pages of [from, to) of a reserved buffer back to the system, both ends rounded down: they read
  /// as zeros from then on. Whoever reads them meanwhile finds old bytes or zeros.
  static void discard(std::byte* from, std::byte* to);

  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_(std::exchange(other.mapped_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }
  ~AlignedBuffer();

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<std::byte> span() { return {data_, size_}; }
  std::span<const std::byte> span() const { return {data_, size_}; }

 private:
  AlignedBuffer(std::byte* data, size_t size, size_t mapped) : data_(data), size_(size), mapped_(mapped) {}

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes to unmap; 0: from the heap
};

}  // namespace kith
