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

 private:
  static constexpr uint32_t kExtentRows = 1u << 16;
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

  uint64_t seed_;
  size_t size_ = 0;
  std::vector<Row> slots_;  // a power of two; kNoRow: free
  std::vector<Extent> extents_;
  std::vector<std::string> texts_;  // blocks that never move
  size_t text_bytes_ = 0;           // in blocks
  size_t dead_text_bytes_ = 0;
};

}  // namespace kith
