// Change log: one entry per accepted batch of a collection, written in the same KvBatch as the data. It is
// the only way in which a collection's state changes, so its last entry is the state's version, and whoever
// derives something from the state (an index checkpoint, later a replica) remembers the sequence that it has
// applied.
//
// Entry:  u8  version = 1
//         u32 first_row, u32 rows_added   rows first_row .. first_row + rows_added - 1 are new
//         u64 points                      live points after this entry
//         u32 removed, removed × u32      rows tombstoned, in the order in which it happened
//
// Nothing reads old entries yet: in RAM everything is rebuilt at open. append_change keeps the last
// kEntriesKept or more.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/vector_view.h"
#include "storage/kv/kv_store.h"
#include "storage/rows/keys.h"

namespace kith {

struct Change {
  uint64_t sequence = 0;  // ≥ 1, grows by one
  Row first_row = 0;
  uint32_t rows_added = 0;
  uint64_t points = 0;
  std::vector<Row> removed;

  Row next_row() const { return first_row + rows_added; }
};

inline constexpr uint64_t kEntriesKept = 1u << 16;

std::string encode_change(const Change& change);
/// `sequence` is the one of the key. Corruption when the bytes are no entry of a version known here.
Result<Change> parse_change(uint64_t sequence, std::string_view value);

/// Adds the entry to the batch and, every kEntriesKept entries, the removal of those that became too old.
void append_change(KvBatch& batch, CollectionNumber collection, const Change& change);
/// The last entry, none in a collection never written to. Also checks that the entries kept have no hole.
Result<std::optional<Change>> last_change(const KvSnapshot& view, CollectionNumber collection);

}  // namespace kith
