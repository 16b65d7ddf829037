#include "base/row_set.h"

#include <roaring/containers/containers.h>
#include <roaring/roaring.h>

#include <algorithm>
#include <bit>
#include <new>

#include "base/bytes.h"
#include "base/check.h"
#include "base/cpu.h"

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

uint32_t count_bits_plain(const RowSetBuilder::PageBits& bits) {
  int count = 0;
  for (const uint64_t word : bits) count += std::popcount(word);
  return static_cast<uint32_t>(count);
}
#if defined(__x86_64__)
__attribute__((target("popcnt"))) uint32_t count_bits_popcnt(const RowSetBuilder::PageBits& bits) {
  int count = 0;
  for (const uint64_t word : bits) count += __builtin_popcountll(word);
  return static_cast<uint32_t>(count);
}
uint32_t count_bits(const RowSetBuilder::PageBits& bits) {
  static const bool kInstruction = cpu_features().popcnt;
  return kInstruction ? count_bits_popcnt(bits) : count_bits_plain(bits);
}
#else
uint32_t count_bits(const RowSetBuilder::PageBits& bits) {
  return count_bits_plain(bits);
}
#endif

void set_bits(std::span<uint64_t> words, uint64_t first, uint64_t last) {
  for (; first <= last && first % 64 != 0; ++first) words[first / 64] |= uint64_t{1} << first % 64;
  for (; first + 63 <= last; first += 64) words[first / 64] = ~uint64_t{0};
  for (; first <= last; ++first) words[first / 64] |= uint64_t{1} << first % 64;
}

/// One container into the words of its block.
void copy_container(const void* container, uint8_t type, std::span<uint64_t> words) {
  container = container_unwrap_shared(container, &type);
  if (type == BITSET_CONTAINER_TYPE_CODE) {
    const uint64_t* from = static_cast<const bitset_container_t*>(container)->array;
    for (size_t i = 0; i < words.size(); ++i) words[i] |= from[i];
  } else if (type == ARRAY_CONTAINER_TYPE_CODE) {
    const auto* array = static_cast<const array_container_t*>(container);
    for (int32_t i = 0; i < array->cardinality; ++i) {
      const uint32_t low = array->array[i];
      words[low / 64] |= uint64_t{1} << low % 64;
    }
  } else {
    const auto* runs = static_cast<const run_container_t*>(container);
    for (int32_t i = 0; i < runs->n_runs; ++i)
      set_bits(words, runs->runs[i].value, uint64_t{runs->runs[i].value} + runs->runs[i].length);
  }
}

}  // namespace

RowSet::RowSet() noexcept = default;
RowSet::RowSet(const RowSet& other)
    : rep_(other.rep_ == nullptr ? nullptr : std::make_unique<Rep>(*other.rep_)) {}
RowSet::RowSet(RowSet&& other) noexcept = default;
RowSet& RowSet::operator=(const RowSet& other) {
  if (this != &other) rep_ = other.rep_ == nullptr ? nullptr : std::make_unique<Rep>(*other.rep_);
  return *this;
}
RowSet& RowSet::operator=(RowSet&& other) noexcept = default;
RowSet::~RowSet() = default;

const RowSet::Rep& RowSet::rep() const {
  static const Rep kEmpty;
  return rep_ == nullptr ? kEmpty : *rep_;
}
RowSet::Rep& RowSet::rep() {
  if (rep_ == nullptr) rep_ = std::make_unique<Rep>();
  return *rep_;
}

RowSet RowSet::of(std::span<const Row> rows) {
  RowSet set;
  roaring_bitmap_add_many(set.rep().bitmap, rows.size(), rows.data());
  return set;
}

RowSet RowSet::range(Row first, uint64_t end) {
  constexpr uint64_t kEndMax = uint64_t{1} << 32;
  CHECK(end <= kEndMax);
  RowSet set;
  if (first < end) roaring_bitmap_add_range(set.rep().bitmap, first, end);
  return set;
}

void RowSet::add(Row row) {
  roaring_bitmap_add(rep().bitmap, row);
}
void RowSet::remove(Row row) {
  if (rep_ != nullptr) roaring_bitmap_remove(rep().bitmap, row);
}
bool RowSet::contains(Row row) const {
  return rep_ != nullptr && roaring_bitmap_contains(rep().bitmap, row);
}
uint64_t RowSet::size() const {
  return roaring_bitmap_get_cardinality(rep().bitmap);
}
bool RowSet::operator==(const RowSet& other) const {
  return roaring_bitmap_equals(rep().bitmap, other.rep().bitmap);
}

void RowSet::intersect(const RowSet& other) {
  if (this != &other && rep_ != nullptr) roaring_bitmap_and_inplace(rep().bitmap, other.rep().bitmap);
}
void RowSet::unite(const RowSet& other) {
  if (this != &other && other.rep_ != nullptr) roaring_bitmap_or_inplace(rep().bitmap, other.rep().bitmap);
}
void RowSet::subtract(const RowSet& other) {
  if (rep_ == nullptr || other.rep_ == nullptr) return;
  if (this == &other) {
    roaring_bitmap_clear(rep().bitmap);
  } else {
    roaring_bitmap_andnot_inplace(rep().bitmap, other.rep().bitmap);
  }
}

void RowSet::compress() {
  if (rep_ != nullptr) roaring_bitmap_run_optimize(rep().bitmap);
}
uint64_t RowSet::memory_bytes() const {
  constexpr uint64_t kEmptyBytes = 96;  // the library's head and ours, with what the heap adds
  return rep_ == nullptr ? 0 : kEmptyBytes + roaring_bitmap_portable_size_in_bytes(rep().bitmap);
}

std::vector<Row> RowSet::spread(size_t count) const {
  CHECK(count < size_t{1} << 20);  // so that nothing overflows below
  const uint64_t rows = size();
  count = std::min<uint64_t>(count, rows);
  std::vector<Row> out(count);
  for (size_t i = 0; i < count; ++i) {
    // The middle of the i-th of `count` equal parts.
    const uint64_t rank = (2 * i + 1) * rows / (2 * count);
    CHECK(roaring_bitmap_select(rep().bitmap, static_cast<uint32_t>(rank), &out[i]));
  }
  return out;
}

size_t RowSet::block_count() const {
  return static_cast<size_t>(rep().bitmap->high_low_container.size);
}

std::vector<uint32_t> RowSet::blocks() const {
  const roaring_array_t& all = rep().bitmap->high_low_container;
  return {all.keys, all.keys + all.size};
}

void RowSet::copy_bits(std::span<uint64_t> words) const {
  const roaring_array_t& all = rep().bitmap->high_low_container;
  for (int32_t i = 0; i < all.size; ++i)
    copy_container(all.containers[i], all.typecodes[i],
                   words.subspan(static_cast<size_t>(i) * kBlockWords, kBlockWords));
}

std::vector<std::byte> RowSet::serialize() const {
  // The library keeps equal sets in different containers, as they grew; the smallest kind of each is one and
  // the same.
  const Rep smallest(rep());
  roaring_bitmap_run_optimize(smallest.bitmap);
  std::vector<std::byte> bytes(roaring_bitmap_portable_size_in_bytes(smallest.bitmap));
  const size_t written =
      roaring_bitmap_portable_serialize(smallest.bitmap, reinterpret_cast<char*>(bytes.data()));
  CHECK(written == bytes.size());
  return bytes;
}

RowSet RowSet::of_portable(std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const char*>(bytes.data());
  RowSet set;
  Rep& rep = set.rep();  // first: it may find no memory
  roaring_bitmap_t* bitmap = roaring_bitmap_portable_deserialize_safe(data, bytes.size());
  if (bitmap == nullptr) throw std::bad_alloc();  // the one reason left
  std::swap(rep.bitmap, bitmap);
  roaring_bitmap_free(bitmap);
  return set;
}

Result<RowSet> RowSet::parse(std::span<const std::byte> bytes) {
  TRY(check_portable(bytes));
  return of_portable(bytes);
}

void RowSet::iterate(bool (*call)(Row, void*), void* context) const {
  roaring_iterate(rep().bitmap, call, context);
}

void RowSetBuilder::add(uint16_t page, std::span<const uint16_t> lows) {
  CHECK(pages_.empty() || pages_.back().number < page);
  if (lows.empty()) return;
  if (lows.size() > kArrayRowsMax) {
    PageBits bits{};
    for (const uint16_t low : lows) bits[low / 64] |= uint64_t{1} << (low % 64);
    return add(page, bits);
  }
  pages_.push_back({page, static_cast<uint32_t>(lows.size()), data_.size()});
  const auto bytes = std::as_bytes(lows);
  data_.insert(data_.end(), bytes.begin(), bytes.end());
}

void RowSetBuilder::add(uint16_t page, const PageBits& bits) {
  CHECK(pages_.empty() || pages_.back().number < page);
  const uint32_t rows = count_bits(bits);
  if (rows == 0) return;
  pages_.push_back({page, rows, data_.size()});
  if (rows > kArrayRowsMax) {
    const auto bytes = std::as_bytes(std::span(bits));
    data_.insert(data_.end(), bytes.begin(), bytes.end());
    return;
  }
  data_.resize(data_.size() + rows * sizeof(uint16_t));
  std::byte* to = data_.data() + pages_.back().offset;
  for (size_t i = 0; i < kPageWords; ++i) {
    for (uint64_t word = bits[i]; word != 0; word &= word - 1) {
      store_le(to, static_cast<uint16_t>(i * 64 + static_cast<size_t>(std::countr_zero(word))));
      to += sizeof(uint16_t);
    }
  }
}

RowSet RowSetBuilder::finish() const {
  const auto count = static_cast<uint32_t>(pages_.size());
  std::vector<std::byte> bytes(8 + 8 * pages_.size() + data_.size());
  store_le(bytes.data(), kCookieNoRuns);
  store_le(bytes.data() + 4, count);
  std::byte* const keys = bytes.data() + 8;
  std::byte* const offsets = keys + 4 * pages_.size();
  const size_t begin = 8 + 8 * pages_.size();
  for (size_t i = 0; i < pages_.size(); ++i) {
    store_le(keys + 4 * i, pages_[i].number);
    store_le(keys + 4 * i + 2, static_cast<uint16_t>(pages_[i].rows - 1));
    store_le(offsets + 4 * i, static_cast<uint32_t>(begin + pages_[i].offset));
  }
  if (!data_.empty()) std::memcpy(bytes.data() + begin, data_.data(), data_.size());
  return RowSet::of_portable(bytes);
}

}  // namespace kith
