// IdMap: which row an id lives in, and which id a row has, both in memory, for the live rows of one
// collection.
//
// Row → id: 17 bytes a row, in extents of 64 Ki rows, so growth moves little; numbers and UUIDs stand in the
// entry, text in an arena that is packed anew when more than half of it is dead. Rows are given once, so
// whoever replaces points for long leaves extents behind where few or none live: below a quarter an extent
// holds those alone, in order, and it is searched; one that is dead holds nothing. So a live row takes 68
// bytes at most, however many there were. Id → row: open addressing with linear probing over rows only (the
// id is read through the row), 5.3 to 32 bytes per live id; erasing shifts back (Knuth, TAOCP 3, 6.4
// algorithm R), so there are no tombstones. The hash is seeded per map: chosen ids cannot collide.
//
// Not synchronised: one writer, or readers only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/vector_view.h"
#include "storage/rows/id_key.h"

namespace kith {

class IdMap {
 public:
  /// `seed` makes the hash; anything that an attacker does not know.
  explicit IdMap(uint64_t seed);

  /// The row of an id key (id_key.h), kNoRow when there is none.
  Row find(std::string_view id_key) const;
  /// The id key of a row, empty when the row is not live.
  std::string id_key(Row row) const;
  bool live(Row row) const { return kind_of(row) != 0; }

  /// Neither the id nor the row may be there already. `id_key` is valid.
  void insert(std::string_view id_key, Row row);
  /// The row must be live.
  void erase(Row row);

  size_t size() const { return size_; }
  /// Rows first..end-1, in order. Takes no time for extents that are dead.
  template <typename Visit>
  void for_each_live(Row first, Row end, Visit visit) const {
    for (uint64_t row = first; row < end;) {
      const auto extent = static_cast<size_t>(row / kExtentRows);
      if (extent >= extents_.size()) return;
      const uint64_t stop = std::min<uint64_t>(end, (uint64_t{extent} + 1) * kExtentRows);
      extents_[extent].for_each_live(static_cast<uint32_t>(row % kExtentRows), [&](uint32_t place, size_t) {
        const uint64_t live = uint64_t{extent} * kExtentRows + place;
        if (live < stop) visit(static_cast<Row>(live));
      });
      row = stop;
    }
  }
  /// Each live row is as likely. There must be one.
  Row random_live(Random& random) const;
  /// One more than the highest row that was inserted, or came back.
  Row rows_end() const;
  size_t memory_bytes() const;
  /// Makes extents small that few rows live in, as erasing does: after inserts out of order.
  void pack();

  // To a checkpoint and back (id_map_codec.cc), by extents of kExtentRows rows:
  //   u32 rows in the extent, u32 bytes of text, then the kind of each row (u8, 0: not live), then for each
  //   live row u64 number, or 16 bytes of UUID, or u16 length of text; then all texts; u32 crc32c of all
  //   before
  // Extents may be saved at different moments: whoever restores forgets rows that were removed since the
  // first.

  /// As it was made.
  void clear();
  /// Appends the block of one extent: its rows below `rows_end`.
  void save(uint32_t extent, Row rows_end, ByteWriter& out) const;
  /// Into a map that has only been restored into: the next extent. Its ids cannot be found before index().
  Result<void> restore(ByteReader& in);
  /// Takes a restored row out again, if it is there. Before index().
  void forget(Row row);
  /// Makes restored rows findable. Corruption when two have one id.
  Result<void> index();

  static constexpr uint32_t kExtentRows = 1u << 16;

 private:
  struct Entry {
    uint64_t low;   // number; first half of a UUID; place in the arena
    uint64_t high;  // second half of a UUID; length of text
  };
  struct Extent {
    static constexpr size_t kNowhere = SIZE_MAX;

    std::vector<Entry> entries;
    std::vector<uint8_t> kinds;    // an IdKind, 0: the row is not live
    std::vector<uint16_t> places;  // in the extent, of those above, ascending; none: 0, 1, ...
    uint32_t live = 0;
    uint32_t rows = 0;  // from its first to the last that was in it; 0 of one that died

    size_t find(uint32_t place) const;
    size_t bytes() const;
    /// Holds every place up to `last`.
    void spread(uint32_t last);
    /// Holds what lives alone, where that is so little that it is worth it.
    void pack();
    /// Calls visit(place, where it stands above).
    template <typename Visit>
    void for_each_live(uint32_t first, Visit visit) const {
      const bool wide = places.empty();
      size_t at =
          wide ? first : static_cast<size_t>(std::ranges::lower_bound(places, first) - places.begin());
      for (; at < kinds.size(); ++at)
        if (kinds[at] != 0) visit(wide ? static_cast<uint32_t>(at) : uint32_t{places[at]}, at);
    }
  };

  uint8_t kind_of(Row row) const;
  const Entry& entry_of(Row row) const;
  std::string_view text_of(const Entry& entry) const;
  Entry pack(const IdKeyParts& parts);
  bool equals(Row row, const IdKeyParts& parts) const;
  uint64_t hash(const IdKeyParts& parts) const;
  uint64_t hash_of(Row row) const;
  size_t slot_of(Row row) const;
  void resize(size_t slots);
  uint64_t store_text(std::string_view text);
  void pack_texts();
  bool same_id(Row a, Row b) const;
  Result<void> restore_row(size_t at, Extent& extent, ByteReader& in, ByteReader& texts);
  /// `change` may make it larger or smaller.
  template <typename Change>
  void change_extent(Extent& extent, Change change) {
    const size_t before = extent.bytes();
    change();
    extent_bytes_ += extent.bytes() - before;
  }

  uint64_t seed_;
  size_t size_ = 0;
  std::vector<Row> slots_;  // a power of two; kNoRow: free
  std::vector<Extent> extents_;
  size_t extent_bytes_ = 0;
  std::vector<std::string> texts_;  // blocks that never move
  size_t text_bytes_ = 0;           // in blocks
  size_t dead_text_bytes_ = 0;
};

}  // namespace kith
