// ExtentSums: checksums, once taken, of extents whose bytes stay as they are for now. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace kith {

class ExtentSums {
 public:
  std::optional<uint32_t> find(uint32_t extent) const {
    const std::lock_guard lock(mutex_);
    const auto found = sums_.find(extent);
    return found == sums_.end() ? std::nullopt : std::optional(found->second);
  }
  void remember(uint32_t extent, uint32_t sum) {
    const std::lock_guard lock(mutex_);
    sums_[extent] = sum;
  }
  /// Its bytes are to change.
  void forget(uint32_t extent) {
    const std::lock_guard lock(mutex_);
    sums_.erase(extent);
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint32_t, uint32_t> sums_;  // guarded by mutex_
};

}  // namespace kith
