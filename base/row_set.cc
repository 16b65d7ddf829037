#include "base/row_set.h"

#include <roaring/roaring.h>

#include <bit>
#include <new>

#include "base/bytes.h"
#include "base/check.h"

namespace kith {

struct RowSet::Rep {
  roaring_bitmap_t* bitmap;

  Rep() : Rep(roaring_bitmap_create()) {}
  Rep(const Rep& other) : Rep(roaring_bitmap_copy(other.bitmap)) {}
  ~Rep() { roaring_bitmap_free(bitmap); }
  Rep& operator=(const Rep&) = delete;

 private:
  explicit Rep(roaring_bitmap_t* owned) : bitmap(owned) {
    if (bitmap == nullptr) throw std::bad_alloc();
  }
};

namespace {

// The portable format (github.com/RoaringBitmap/RoaringFormatSpec): a cookie and the number of containers, a
// bit per container that says "runs" (only with kCookieRuns), key and cardinality per container, offsets,
// containers.
constexpr uint32_t kCookieNoRuns = 12346;
constexpr uint32_t kCookieRuns = 12347;
constexpr uint32_t kOffsetsFromContainers =
    4;  // with kCookieRuns, offsets are written from this many containers on
constexpr uint32_t kArrayRowsMax = 4096;
constexpr uint32_t kBitsetBytes = 8192;

struct Container {
  uint16_t key;
  uint32_t rows;
  bool runs;
};

Result<void> check_runs(ByteReader& reader, const Container& container) {
  const uint16_t count = TRY(reader.number<uint16_t>());
  uint32_t rows = 0;
  int64_t previous_last = -2;
  for (uint16_t i = 0; i < count; ++i) {
    const int64_t first = TRY(reader.number<uint16_t>());
    const int64_t last = first + TRY(reader.number<uint16_t>());
    if (first <= previous_last + 1 || last > 0xffff)
      return corruption("row set: run {} of container {} overlaps or ends beyond it", i, container.key);
    rows += static_cast<uint32_t>(last - first + 1);
    previous_last = last;
  }
  if (rows == container.rows) return {};
  return corruption("row set: container {} says {} rows, its runs hold {}", container.key, container.rows,
                    rows);
}

Result<void> check_array(ByteReader& reader, const Container& container) {
  const auto data = TRY(reader.raw(2 * uint64_t{container.rows}));
  int32_t previous = -1;
  for (size_t i = 0; i < container.rows; ++i) {
    const int32_t low = load_le<uint16_t>(data.data() + 2 * i);
    if (low <= previous)
      return corruption("row set: container {} is not ascending at its row {}", container.key, i);
    previous = low;
  }
  return {};
}

Result<void> check_bitset(ByteReader& reader, const Container& container) {
  const auto data = TRY(reader.raw(kBitsetBytes));
  uint32_t rows = 0;
  for (uint32_t at = 0; at < kBitsetBytes; at += 8)
    rows += static_cast<uint32_t>(std::popcount(load_le<uint64_t>(data.data() + at)));
  if (rows == container.rows) return {};
  return corruption("row set: container {} says {} rows, its bits hold {}", container.key, container.rows,
                    rows);
}

Result<std::vector<Container>> read_containers(ByteReader& reader) {
  const uint32_t cookie = TRY(reader.number<uint32_t>());
  const bool with_runs = (cookie & 0xffff) == kCookieRuns;
  if (!with_runs && cookie != kCookieNoRuns)
    return corruption("row set: cookie {} is not that of a bitmap", cookie);
  const uint32_t count = with_runs ? (cookie >> 16) + 1 : TRY(reader.number<uint32_t>());
  if (count > 65536) return corruption("row set: {} containers, at most 65536 are possible", count);
  const auto run_bits = TRY(reader.raw(with_runs ? (count + 7) / 8 : 0));

  std::vector<Container> containers;
  const auto keys = TRY(reader.raw(4 * uint64_t{count}));
  containers.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto key = load_le<uint16_t>(keys.data() + 4 * i);
    if (!containers.empty() && key <= containers.back().key)
      return corruption("row set: key {} of container {} is not above the one before it", key, i);
    const bool runs = with_runs && ((static_cast<uint32_t>(run_bits[i / 8]) >> (i % 8)) & 1) != 0;
    containers.push_back({key, load_le<uint16_t>(keys.data() + 4 * i + 2) + uint32_t{1}, runs});
  }
  return containers;
}

/// The library checks lengths but not contents; a bitmap that breaks its own order makes later calls write
/// out of bounds.
Result<void> check_portable(std::span<const std::byte> bytes) {
  ByteReader reader(bytes, "row set");
  const auto containers = TRY(read_containers(reader));
  const bool no_runs = load_le<uint32_t>(bytes.data()) == kCookieNoRuns;
  std::span<const std::byte> offsets;
  if (no_runs || containers.size() >= kOffsetsFromContainers)
    offsets = TRY(reader.raw(4 * containers.size()));
  for (size_t i = 0; i < containers.size(); ++i) {
    if (!offsets.empty() && load_le<uint32_t>(offsets.data() + 4 * i) != reader.offset())
      return corruption("row set: offset of container {} is {}, it starts at {}", i,
                        load_le<uint32_t>(offsets.data() + 4 * i), reader.offset());
    if (containers[i].runs) {
      TRY(check_runs(reader, containers[i]));
    } else if (containers[i].rows <= kArrayRowsMax) {
      TRY(check_array(reader, containers[i]));
    } else {
      TRY(check_bitset(reader, containers[i]));
    }
  }
  return reader.finish();
}

}  // namespace

RowSet::RowSet() : rep_(std::make_unique<Rep>()) {}
RowSet::RowSet(const RowSet& other) : rep_(std::make_unique<Rep>(*other.rep_)) {}
RowSet::RowSet(RowSet&& other) noexcept : rep_(std::make_unique<Rep>()) {
  std::swap(rep_, other.rep_);  // leaves an empty set, not a husk
}
RowSet& RowSet::operator=(const RowSet& other) {
  if (this != &other) rep_ = std::make_unique<Rep>(*other.rep_);
  return *this;
}
RowSet& RowSet::operator=(RowSet&& other) noexcept {
  std::swap(rep_, other.rep_);
  return *this;
}
RowSet::~RowSet() = default;

RowSet RowSet::of(std::span<const Row> rows) {
  RowSet set;
  roaring_bitmap_add_many(set.rep_->bitmap, rows.size(), rows.data());
  return set;
}

RowSet RowSet::range(Row first, uint64_t end) {
  constexpr uint64_t kEndMax = uint64_t{1} << 32;
  CHECK(end <= kEndMax);
  RowSet set;
  if (first < end) roaring_bitmap_add_range(set.rep_->bitmap, first, end);
  return set;
}

void RowSet::add(Row row) {
  roaring_bitmap_add(rep_->bitmap, row);
}
void RowSet::remove(Row row) {
  roaring_bitmap_remove(rep_->bitmap, row);
}
bool RowSet::contains(Row row) const {
  return roaring_bitmap_contains(rep_->bitmap, row);
}
uint64_t RowSet::size() const {
  return roaring_bitmap_get_cardinality(rep_->bitmap);
}
bool RowSet::operator==(const RowSet& other) const {
  return roaring_bitmap_equals(rep_->bitmap, other.rep_->bitmap);
}

void RowSet::intersect(const RowSet& other) {
  if (this != &other) roaring_bitmap_and_inplace(rep_->bitmap, other.rep_->bitmap);
}
void RowSet::unite(const RowSet& other) {
  if (this != &other) roaring_bitmap_or_inplace(rep_->bitmap, other.rep_->bitmap);
}
void RowSet::subtract(const RowSet& other) {
  if (this == &other) {
    roaring_bitmap_clear(rep_->bitmap);
  } else {
    roaring_bitmap_andnot_inplace(rep_->bitmap, other.rep_->bitmap);
  }
}

std::vector<std::byte> RowSet::serialize() const {
  // The library keeps equal sets in different containers, as they grew; the smallest kind of each is one and
  // the same.
  const Rep smallest(*rep_);
  roaring_bitmap_run_optimize(smallest.bitmap);
  std::vector<std::byte> bytes(roaring_bitmap_portable_size_in_bytes(smallest.bitmap));
  const size_t written =
      roaring_bitmap_portable_serialize(smallest.bitmap, reinterpret_cast<char*>(bytes.data()));
  CHECK(written == bytes.size());
  return bytes;
}

Result<RowSet> RowSet::parse(std::span<const std::byte> bytes) {
  TRY(check_portable(bytes));
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  RowSet set;
  roaring_bitmap_t* bitmap = roaring_bitmap_portable_deserialize_safe(data, bytes.size());
  if (bitmap == nullptr) return corruption("row set: {} bytes are not a bitmap", bytes.size());
  std::swap(set.rep_->bitmap, bitmap);
  roaring_bitmap_free(bitmap);
  return set;
}

void RowSet::iterate(bool (*call)(Row, void*), void* context) const {
  roaring_iterate(rep_->bitmap, call, context);
}

}  // namespace kith
