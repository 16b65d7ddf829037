#include "storage/rows/expiry_map.h"

#include <algorithm>
#include <functional>

#include "base/crc32c.h"

namespace kith {
namespace {

constexpr size_t kGoneMin = 1024;  // fewer entries without a row are not worth a walk
constexpr size_t kSavedBytes = sizeof(Row) + sizeof(uint64_t);

}  // namespace

uint64_t ExpiryMap::expires_at(Row row) const {
  const size_t extent = row / kExtentRows;
  if (extent >= extents_.size() || extents_[extent].rows == 0) return 0;
  return extents_[extent].times[row % kExtentRows];
}

std::vector<Row> ExpiryMap::expired_rows(uint64_t now_ms, size_t most) const {
  std::vector<Row> rows;
  std::vector<size_t> waiting;  // places in the heap, whose parents have expired
  if (!heap_.empty()) waiting.push_back(0);
  for (size_t next = 0; next < waiting.size() && rows.size() < most; ++next) {
    const size_t at = waiting[next];
    if (heap_[at].at_ms > now_ms) continue;  // so are all below it
    if (!gone(heap_[at])) rows.push_back(heap_[at].row);
    for (const size_t child : {2 * at + 1, 2 * at + 2})
      if (child < heap_.size()) waiting.push_back(child);
  }
  return rows;
}

void ExpiryMap::insert(Row row, uint64_t at_ms) {
  CHECK(at_ms != 0 && at_ms <= kExpiryMax && expires_at(row) == 0);
  const size_t extent = row / kExtentRows;
  if (extent >= extents_.size()) extents_.resize(extent + 1);
  if (extents_[extent].rows++ == 0) {
    extents_[extent].times.assign(kExtentRows, 0);
    ++extents_there_;
  }
  extents_[extent].times[row % kExtentRows] = at_ms;
  ++size_;
  heap_.push_back({at_ms, row});
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void ExpiryMap::erase(Row row) {
  if (expires_at(row) == 0) return;
  Extent& extent = extents_[row / kExtentRows];
  extent.times[row % kExtentRows] = 0;
  if (--extent.rows == 0) {
    extent.times = std::vector<uint64_t>();  // gives its memory back, as {} does not
    --extents_there_;
  }
  --size_;
  while (!heap_.empty() && gone(heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    heap_.pop_back();
  }
  if (heap_.size() - size_ <= std::max(size_, kGoneMin)) return;
  std::erase_if(heap_, [&](const Entry& entry) { return gone(entry); });
  heap_.shrink_to_fit();
  std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
}

size_t ExpiryMap::memory_bytes() const {
  return extents_.capacity() * sizeof(Extent) + heap_.capacity() * sizeof(Entry) +
         extents_there_ * kExtentRows * sizeof(uint64_t);
}

void ExpiryMap::save(Row first, Row end, ByteWriter& out) const {
  const size_t start = out.size();
  uint32_t rows = 0;
  out.number(rows);
  for (uint64_t row = first; row < end;) {
    const size_t extent = row / kExtentRows;
    if (extent >= extents_.size()) break;
    const uint64_t extent_end = (uint64_t{extent} + 1) * kExtentRows;
    if (extents_[extent].rows > 0) {
      for (; row < std::min<uint64_t>(end, extent_end); ++row) {
        const uint64_t at_ms = extents_[extent].times[row % kExtentRows];
        if (at_ms == 0) continue;
        out.number(static_cast<Row>(row));
        out.number(at_ms);
        ++rows;
      }
    }
    row = extent_end;
  }
  out.patch(start, rows);
  out.number(crc32c(out.view().subspan(start)));
}

Result<void> ExpiryMap::restore(Row first, Row end, ByteReader& in) {
  const std::span<const std::byte> block = in.rest();
  const auto rows = TRY(in.number<uint32_t>());
  ByteReader entries(TRY(in.raw(uint64_t{rows} * kSavedBytes)), "expiries");
  const uint32_t crc = crc32c(block.first(block.size() - in.left()));
  if (TRY(in.number<uint32_t>()) != crc) return corruption("expiries: wrong checksum of rows {}..", first);
  uint64_t next = first;
  for (uint32_t i = 0; i < rows; ++i) {
    const Row row = TRY(entries.number<Row>());
    const auto at_ms = TRY(entries.number<uint64_t>());
    if (row < next || row >= end || at_ms == 0 || at_ms > kExpiryMax || expires_at(row) != 0)
      return corruption("expiries: row {} of rows {}..{} cannot expire at {} ms", row, first, end, at_ms);
    insert(row, at_ms);
    next = uint64_t{row} + 1;
  }
  return {};
}

}  // namespace kith
