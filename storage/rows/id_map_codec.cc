// IdMap to and from a checkpoint, see id_map.h.
#include <algorithm>
#include <bit>
#include <cstring>

#include "base/crc32c.h"
#include "base/planted.h"
#include "storage/rows/id_map.h"

namespace kith {

void IdMap::save(uint32_t extent, Row rows_end, ByteWriter& out) const {
  static const Extent none;
  const Extent& from = extent < extents_.size() ? extents_[extent] : none;
  const size_t start = out.size();
  const Row first = extent * kExtentRows;
  const auto rows = std::min<uint32_t>(from.rows, rows_end > first ? rows_end - first : 0);
  out.number(rows);
  out.number(uint32_t{0});
  std::vector<uint8_t> kinds(rows, 0);
  const auto each = [&](auto visit) {
    from.for_each_live(0, [&](uint32_t place, size_t at) {
      if (place < rows) visit(place, static_cast<IdKind>(from.kinds[at]), from.entries[at]);
    });
  };
  each([&](uint32_t place, IdKind kind, const Entry&) { kinds[place] = static_cast<uint8_t>(kind); });
  out.raw(std::as_bytes(std::span(kinds)));
  std::string texts;
  each([&](uint32_t, IdKind kind, const Entry& entry) {
    switch (kind) {
      case IdKind::kNumber:
        return out.number(entry.low);
      case IdKind::kUuid:
        return out.raw(std::as_bytes(std::span(&entry, 1)));
      case IdKind::kText:
        out.number(static_cast<uint16_t>(entry.high));
        texts.append(text_of(entry));
    }
  });
  out.raw(as_bytes(texts));
  out.patch(start + 4, static_cast<uint32_t>(texts.size()));
  out.number(crc32c(out.view().subspan(start)));
}

Result<void> IdMap::restore(ByteReader& in) {
  const std::span<const std::byte> block = in.rest();
  const auto rows = TRY(in.number<uint32_t>());
  const auto text_bytes = TRY(in.number<uint32_t>());
  if (rows > kExtentRows) return corruption("ids: an extent of {} rows cannot be", rows);
  Extent extent;
  const auto kinds = TRY(in.raw(rows));
  extent.kinds.resize(rows);
  if (rows > 0) std::memcpy(extent.kinds.data(), kinds.data(), rows);
  uint64_t bytes = 0;
  for (const uint8_t kind : extent.kinds) {
    if (kind > static_cast<uint8_t>(IdKind::kText)) return corruption("ids: there is no kind {}", kind);
    constexpr uint8_t kBytes[] = {0, sizeof(uint64_t), kUuidBytes, sizeof(uint16_t)};
    bytes += kBytes[kind];
  }
  ByteReader entries(TRY(in.raw(bytes)), "ids");
  ByteReader texts(TRY(in.raw(text_bytes)), "ids");
  const uint32_t crc = crc32c(block.first(block.size() - in.left()));
  if (TRY(in.number<uint32_t>()) != crc && !planted("ids-crc-unchecked"))
    return corruption("ids: wrong checksum of extent {}", extents_.size());
  extent.entries.resize(rows);
  for (size_t i = 0; i < rows; ++i) TRY(restore_row(i, extent, entries, texts));
  TRY(texts.finish());
  extent.live = rows - static_cast<uint32_t>(std::ranges::count(extent.kinds, 0));
  extent.pack();
  extent.rows = rows;  // it is saved as it was
  extent_bytes_ += extent.bytes();
  extents_.push_back(std::move(extent));
  return {};
}

Result<void> IdMap::restore_row(size_t at, Extent& extent, ByteReader& in, ByteReader& texts) {
  Entry& entry = extent.entries[at];
  entry = {};
  switch (static_cast<IdKind>(extent.kinds[at])) {
    case IdKind::kNumber:
      entry.low = TRY(in.number<uint64_t>());
      return {};
    case IdKind::kUuid:
      std::memcpy(&entry, TRY(in.raw(kUuidBytes)).data(), kUuidBytes);
      return {};
    case IdKind::kText: {
      const auto length = TRY(in.number<uint16_t>());
      if (length == 0 || length > kIdTextBytesMax)
        return corruption("ids: a text of {} bytes cannot be", length);
      const std::string_view text = as_text(TRY(texts.raw(length)));
      entry = {store_text(text), length};
      return {};
    }
  }
  return {};
}

void IdMap::forget(Row row) {
  const uint8_t kind = planted("ids-forget-nothing") ? 0 : kind_of(row);
  if (kind == static_cast<uint8_t>(IdKind::kText)) dead_text_bytes_ += entry_of(row).high;
  if (kind == 0) return;
  Extent& extent = extents_[row / kExtentRows];
  extent.kinds[extent.find(row % kExtentRows)] = 0;
  --extent.live;
}

Result<void> IdMap::index() {
  size_ = 0;
  pack();
  for (const Extent& extent : extents_) size_ += extent.live;
  slots_.assign(std::max<size_t>(slots_.size(), std::bit_ceil(size_ * 4 / 3 + 1)), kNoRow);
  const size_t mask = slots_.size() - 1;
  Result<void> indexed;
  for_each_live(0, rows_end(), [&](Row row) {
    size_t slot = hash_of(row) & mask;
    for (; slots_[slot] != kNoRow; slot = (slot + 1) & mask)
      if (same_id(slots_[slot], row))
        return void(indexed = corruption("ids: rows {} and {} have one id", slots_[slot], row));
    slots_[slot] = row;
  });
  return indexed;
}

bool IdMap::same_id(Row a, Row b) const {
  if (kind_of(a) != kind_of(b)) return false;
  const Entry& left = entry_of(a);
  const Entry& right = entry_of(b);
  if (kind_of(a) == static_cast<uint8_t>(IdKind::kText)) return text_of(left) == text_of(right);
  return left.low == right.low && left.high == right.high;
}

}  // namespace kith
