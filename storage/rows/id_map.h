// IdMap: which row an id lives in, and which id a row has, both in memory, for the live rows of one
// collection.
//
// Row → id: 17 bytes per row ever given, in extents of 64 Ki rows, so growth moves little; numbers and UUIDs
// stand in the entry, text in an arena that is packed anew when more than half of it is dead. Id → row: open
// addressing with linear probing over rows only (the id is read through the row), 5.3 to 11 bytes per live
// id; erasing shifts back (Knuth, TAOCP 3, 6.4 algorithm R), so there are no tombstones. The hash is seeded
// per map: chosen ids cannot collide.
//
// Not synchronised: one writer, or readers only.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
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
  /// One more than the highest row ever inserted.
  Row rows_end() const;
  size_t memory_bytes() const;

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
    std::vector<Entry> entries;
    std::vector<uint8_t> kinds;  // an IdKind, 0: the row is not live
  };

  uint8_t kind_of(Row row) const;
  const Entry& entry_of(Row row) const { return extents_[row / kExtentRows].entries[row % kExtentRows]; }
  std::string_view text_of(const Entry& entry) const;
  Entry pack(const IdKeyParts& parts);
  bool equals(Row row, const IdKeyParts& parts) const;
  uint64_t hash(const IdKeyParts& parts) const;
  uint64_t hash_of(Row row) const;
  size_t slot_of(Row row) const;
  void grow();
  uint64_t store_text(std::string_view text);
  void pack_texts();
  bool same_id(Row a, Row b) const;
  Result<void> restore_row(size_t at, Extent& extent, ByteReader& in, ByteReader& texts);

  uint64_t seed_;
  size_t size_ = 0;
  std::vector<Row> slots_;  // a power of two; kNoRow: free
  std::vector<Extent> extents_;
  std::vector<std::string> texts_;  // blocks that never move
  size_t text_bytes_ = 0;           // in blocks
  size_t dead_text_bytes_ = 0;
};

}  // namespace kith
