// BitWriter, BitReader: numbers of 0 to 32 bits, one after another without gaps, the lowest bit first. For
// files in which a number of fixed width would be mostly zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace kith {

class BitWriter {
 public:
  /// The lowest `width` bits of `value`, which has no others.
  void put(uint32_t value, unsigned width) {
    pending_ |= uint64_t{value} << bits_;
    bits_ += width;
    if (bits_ < 32) return;
    const size_t at = bytes_.size();
    bytes_.resize(at + 4);
    store_le(bytes_.data() + at, static_cast<uint32_t>(pending_));
    pending_ >>= 32;
    bits_ -= 32;
  }

  /// All so far, the last byte filled up with zeros; the writer is as new.
  std::vector<std::byte> take() {
    for (; bits_ > 0; bits_ -= std::min(bits_, 8u), pending_ >>= 8)
      bytes_.push_back(static_cast<std::byte>(pending_));
    return std::exchange(bytes_, {});
  }

 private:
  std::vector<std::byte> bytes_;
  uint64_t pending_ = 0;
  unsigned bits_ = 0;  // of pending_, below 32
};

/// Over bytes that it does not own.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}

  /// Past the end 0, and `failed` from then on.
  uint32_t get(unsigned width) {
    if (bits_ < width && !refill(width)) return 0;
    const auto value = static_cast<uint32_t>(pending_ & ((uint64_t{1} << width) - 1));
    pending_ >>= width;
    bits_ -= width;
    return value;
  }
  bool failed() const { return failed_; }
  /// Whether all was read, but for the zeros that fill up the last byte.
  bool finished() const { return !failed_ && at_ == end_ && bits_ < 8 && pending_ == 0; }

 private:
  bool refill(unsigned width) {
    if (end_ - at_ >= 4) {
      pending_ |= uint64_t{load_le<uint32_t>(at_)} << bits_;
      at_ += 4;
      bits_ += 32;
      return true;
    }
    for (; at_ < end_ && bits_ < width; bits_ += 8)
      pending_ |= uint64_t{static_cast<uint8_t>(*at_++)} << bits_;
    if (bits_ >= width) return true;
    failed_ = true;
    pending_ = bits_ = 0;
    at_ = end_;
    return false;
  }

  const std::byte* at_;
  const std::byte* end_;
  uint64_t pending_ = 0;
  unsigned bits_ = 0;
  bool failed_ = false;
};

}  // namespace kith
