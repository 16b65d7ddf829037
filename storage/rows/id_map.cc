#include "storage/rows/id_map.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace kith {
namespace {

constexpr size_t kFirstSlots = 16;
constexpr size_t kSlotsMax = 8;  // for each id, or half of them go
constexpr size_t kSparse =
    4;  // rows that an extent has, for each that lives, from which it holds those alone
constexpr size_t kTextBlockBytes = 1u << 16;  // far above the longest id
constexpr size_t kFirstTextBlockBytes = 1u << 12;
static_assert(kIdTextBytesMax <= kFirstTextBlockBytes);

uint64_t load_word(std::string_view bytes) {
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), std::min(bytes.size(), sizeof(word)));
  return word;
}

IdKeyParts parts_of(std::string_view id_key) {
  auto parts = parse_id_key(id_key);
  CHECK(parts.ok());
  return *parts;
}

}  // namespace

IdMap::IdMap(uint64_t seed) : seed_(mix64(seed)), slots_(kFirstSlots, kNoRow) {}

Row IdMap::find(std::string_view id_key) const {
  const IdKeyParts parts = parts_of(id_key);
  const size_t mask = slots_.size() - 1;
  for (size_t slot = hash(parts) & mask; slots_[slot] != kNoRow; slot = (slot + 1) & mask)
    if (equals(slots_[slot], parts)) return slots_[slot];
  return kNoRow;
}

std::string IdMap::id_key(Row row) const {
  const uint8_t kind = kind_of(row);
  if (kind == 0) return {};
  const Entry& entry = entry_of(row);
  switch (static_cast<IdKind>(kind)) {
    case IdKind::kNumber:
      return number_id_key(entry.low);
    case IdKind::kUuid:
      return std::string(1, static_cast<char>(kind))
          .append(reinterpret_cast<const char*>(&entry), kUuidBytes);
    case IdKind::kText:
      return text_id_key(text_of(entry));
  }
  return {};
}

void IdMap::insert(std::string_view id_key, Row row) {
  CHECK(row != kNoRow && !live(row));
  if ((size_ + 1) * 4 > slots_.size() * 3) resize(slots_.size() * 2);
  const IdKeyParts parts = parts_of(id_key);
  const size_t mask = slots_.size() - 1;
  size_t slot = hash(parts) & mask;
  for (; slots_[slot] != kNoRow; slot = (slot + 1) & mask) DCHECK(!equals(slots_[slot], parts));
  slots_[slot] = row;
  ++size_;
  while (extents_.size() <= row / kExtentRows) {
    if (!extents_.empty()) change_extent(extents_.back(), [&] { extents_.back().pack(); });
    extents_.emplace_back();
  }
  Extent& extent = extents_[row / kExtentRows];
  change_extent(extent, [&] { extent.spread(row % kExtentRows); });
  extent.entries[row % kExtentRows] = pack(parts);
  extent.kinds[row % kExtentRows] = static_cast<uint8_t>(parts.kind);
  ++extent.live;
}

void IdMap::erase(Row row) {
  CHECK(live(row));
  const size_t mask = slots_.size() - 1;
  size_t hole = slot_of(row);
  slots_[hole] = kNoRow;
  for (size_t slot = (hole + 1) & mask; slots_[slot] != kNoRow; slot = (slot + 1) & mask) {
    const size_t home = hash_of(slots_[slot]) & mask;
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;  // its home lies after the hole
    std::swap(slots_[hole], slots_[slot]);
    hole = slot;
  }
  --size_;
  if (kind_of(row) == static_cast<uint8_t>(IdKind::kText)) dead_text_bytes_ += entry_of(row).high;
  Extent& extent = extents_[row / kExtentRows];
  extent.kinds[extent.find(row % kExtentRows)] = 0;
  --extent.live;
  const bool last = row / kExtentRows + 1 == extents_.size();  // more rows come into it
  if (!last) change_extent(extent, [&] { extent.pack(); });
  if (slots_.size() > kFirstSlots && size_ * kSlotsMax < slots_.size()) resize(slots_.size() / 2);
  if (dead_text_bytes_ > kTextBlockBytes && dead_text_bytes_ > text_bytes_ / 2) pack_texts();
}

void IdMap::clear() {
  const uint64_t seed = seed_;
  *this = IdMap(0);
  seed_ = seed;
}

Row IdMap::rows_end() const {
  if (extents_.empty()) return 0;
  return static_cast<Row>((extents_.size() - 1) * kExtentRows + extents_.back().rows);
}

size_t IdMap::memory_bytes() const {
  size_t bytes = slots_.capacity() * sizeof(Row) + extents_.capacity() * sizeof(Extent) + extent_bytes_;
  for (const std::string& block : texts_) bytes += block.capacity();
  return bytes;
}

Row IdMap::random_live(Random& random) const {
  CHECK(size_ > 0);
  while (true)
    if (const Row row = slots_[random.below(slots_.size())]; row != kNoRow) return row;
}

void IdMap::pack() {
  for (size_t i = 0; i + 1 < extents_.size(); ++i) change_extent(extents_[i], [&] { extents_[i].pack(); });
}

uint8_t IdMap::kind_of(Row row) const {
  const size_t extent = row / kExtentRows;
  if (extent >= extents_.size()) return 0;
  const size_t at = extents_[extent].find(row % kExtentRows);
  return at == Extent::kNowhere ? uint8_t{0} : extents_[extent].kinds[at];
}

const IdMap::Entry& IdMap::entry_of(Row row) const {
  const Extent& extent = extents_[row / kExtentRows];
  return extent.entries[extent.find(row % kExtentRows)];
}

size_t IdMap::Extent::find(uint32_t place) const {
  if (places.empty()) return place < kinds.size() ? place : kNowhere;
  const auto at = std::ranges::lower_bound(places, place);
  return at != places.end() && *at == place ? static_cast<size_t>(at - places.begin()) : kNowhere;
}

size_t IdMap::Extent::bytes() const {
  return entries.capacity() * sizeof(Entry) + kinds.capacity() + places.capacity() * sizeof(uint16_t);
}

void IdMap::Extent::spread(uint32_t last) {
  if (!places.empty()) {
    std::vector<Entry> wide(rows);
    std::vector<uint8_t> wide_kinds(rows, 0);
    for (size_t i = 0; i < places.size(); ++i) {
      wide[places[i]] = entries[i];
      wide_kinds[places[i]] = kinds[i];
    }
    entries = std::move(wide);
    kinds = std::move(wide_kinds);
    places = {};
  }
  rows = std::max(rows, last + 1);
  if (kinds.size() > last) return;
  kinds.resize(last + 1, 0);
  entries.resize(last + 1);
}

void IdMap::Extent::pack() {
  const size_t often = places.empty() ? kSparse : 2;
  if (kinds.empty() || size_t{live} * often >= kinds.size()) return;
  std::vector<Entry> few;
  std::vector<uint8_t> few_kinds;
  std::vector<uint16_t> few_places;
  few.reserve(live);
  few_kinds.reserve(live);
  few_places.reserve(live);
  for_each_live(0, [&](uint32_t place, size_t at) {
    few.push_back(entries[at]);
    few_kinds.push_back(kinds[at]);
    few_places.push_back(static_cast<uint16_t>(place));
  });
  entries = std::move(few);
  kinds = std::move(few_kinds);
  places = std::move(few_places);
  if (live == 0) rows = 0;
}

std::string_view IdMap::text_of(const Entry& entry) const {
  return std::string_view(texts_[entry.low >> 32]).substr(entry.low & 0xffffffffu, entry.high);
}

IdMap::Entry IdMap::pack(const IdKeyParts& parts) {
  if (parts.kind == IdKind::kNumber) return {parts.number, 0};
  if (parts.kind == IdKind::kText) return {store_text(parts.body), parts.body.size()};
  return {load_word(parts.body), load_word(parts.body.substr(8))};
}

bool IdMap::equals(Row row, const IdKeyParts& parts) const {
  if (kind_of(row) != static_cast<uint8_t>(parts.kind)) return false;
  const Entry& entry = entry_of(row);
  if (parts.kind == IdKind::kNumber) return entry.low == parts.number;
  if (parts.kind == IdKind::kText) return text_of(entry) == parts.body;
  return std::memcmp(&entry, parts.body.data(), kUuidBytes) == 0;
}

uint64_t IdMap::hash(const IdKeyParts& parts) const {
  uint64_t mixed = seed_ ^ static_cast<uint64_t>(parts.kind);
  if (parts.kind == IdKind::kNumber) return mix64(mix64(mixed ^ parts.number) ^ seed_);
  for (std::string_view left = parts.body; !left.empty();
       left.remove_prefix(std::min<size_t>(8, left.size())))
    mixed = mix64(mixed ^ load_word(left)) + seed_;
  return mix64(mixed ^ parts.body.size());
}

uint64_t IdMap::hash_of(Row row) const {
  const Entry& entry = entry_of(row);
  switch (static_cast<IdKind>(kind_of(row))) {
    case IdKind::kNumber:
      return hash({IdKind::kNumber, entry.low, {}});
    case IdKind::kUuid:
      return hash({IdKind::kUuid, 0, {reinterpret_cast<const char*>(&entry), kUuidBytes}});
    case IdKind::kText:
      return hash({IdKind::kText, 0, text_of(entry)});
  }
  return 0;
}

size_t IdMap::slot_of(Row row) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash_of(row) & mask;
  while (slots_[slot] != row) slot = (slot + 1) & mask;
  return slot;
}

void IdMap::resize(size_t slots) {
  std::vector<Row> old(slots, kNoRow);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Row row : old) {
    if (row == kNoRow) continue;
    size_t slot = hash_of(row) & mask;
    while (slots_[slot] != kNoRow) slot = (slot + 1) & mask;
    slots_[slot] = row;
  }
}

uint64_t IdMap::store_text(std::string_view text) {
  if (texts_.empty() || texts_.back().capacity() - texts_.back().size() < text.size()) {
    texts_.emplace_back().reserve(texts_.size() == 1 ? kFirstTextBlockBytes : kTextBlockBytes);
  }
  const uint64_t place = static_cast<uint64_t>(texts_.size() - 1) << 32 | texts_.back().size();
  texts_.back().append(text);
  text_bytes_ += text.size();
  return place;
}

void IdMap::pack_texts() {
  const std::vector<std::string> old = std::exchange(texts_, {});
  text_bytes_ = dead_text_bytes_ = 0;
  for (Extent& extent : extents_) {
    for (size_t i = 0; i < extent.kinds.size(); ++i) {
      if (extent.kinds[i] != static_cast<uint8_t>(IdKind::kText)) continue;
      Entry& entry = extent.entries[i];
      entry.low =
          store_text(std::string_view(old[entry.low >> 32]).substr(entry.low & 0xffffffffu, entry.high));
    }
  }
}

}  // namespace kith
