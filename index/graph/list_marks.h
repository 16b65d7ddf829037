// ListMarks: what writers of a list of neighbours remember of it, beside the list itself (adjacency.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace kith {

/// What the writers of a list remember of it; guarded by the node's lock.
class ListMarks {
 public:
  ListMarks(std::byte* bytes) : bytes_(bytes) {}
  /// Entries [0, checked) are in order of distance and passed the pruning rule against each other.
  uint32_t checked() const { return static_cast<uint32_t>(bytes_[0]); }
  void set_checked(size_t count) { bytes_[0] = static_cast<std::byte>(std::min<size_t>(count, 255)); }
  bool forced(uint32_t position) const {
    return (bytes_[1 + position / 8] >> (position % 8) & std::byte{1}) != std::byte{0};
  }
  void set_forced(uint32_t position, bool on) {
    const std::byte bit = std::byte{1} << (position % 8);
    std::byte& byte = bytes_[1 + position / 8];
    byte = on ? byte | bit : byte & ~bit;
  }
  static size_t bytes(uint32_t capacity) { return 1 + (capacity + 7) / 8; }

 private:
  std::byte* bytes_;
};

}  // namespace kith
