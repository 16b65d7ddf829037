#include "query/collection/disk_reserve.h"

#include <algorithm>

namespace kith {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(100);
constexpr uint64_t kLookBytes = 32u << 20;  // admitted between two looks at most
constexpr uint64_t kReserveMax = 1u << 30;
constexpr uint64_t kReserveShare = 20;  // one part in so many

}  // namespace

Result<void> DiskReserve::admit(uint64_t bytes, uint64_t copies) {
  if (bytes_ == uint64_t{0}) return {};
  bytes *= copies;
  std::lock_guard lock(mutex_);
  if (!looked_at_.has_value() || admitted_ >= kLookBytes || Clock::now() - *looked_at_ >= kLookEvery)
    TRY(look());
  if (free_ >= unflushed_ + admitted_ + bytes + reserve_) {
    admitted_ += bytes;
    return {};
  }
  return resource_exhausted(
      "the disk of '{}' has {} bytes free ({} of them needed to flush what is in memory), and {} are kept in "
      "reserve (limit 'disk_reserve'): free space, delete points, or reserve less; reads and deletes go on",
      directory_, free_, unflushed_, reserve_);
}

Result<void> DiskReserve::look() {
  const DiskSpace device = TRY(fs_.disk_space(directory_));
  free_ = device.free;
  unflushed_ = store_.usage().unflushed_bytes;
  reserve_ = bytes_.value_or(std::min(kReserveMax, device.total / kReserveShare));
  admitted_ = 0;
  looked_at_ = Clock::now();
  return {};
}

}  // namespace kith
