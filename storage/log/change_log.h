// Change log: one entry per accepted batch of a collection, written in the same KvBatch as the data. It is
// the only way in which a collection's state changes, so its last entry is the state's version, and whoever
// derives something from the state (an index checkpoint, later a replica) remembers the sequence that it has
// applied.
//
// Entry:  u8  version = 1
//         u32 first_row, u32 rows_added   rows first_row .. first_row + rows_added - 1 are new
//         u64 points                      live points after this entry
//         u64 expiring                    of them: that expire at some time
//         u64 stamp                       random: two logs with the same one are the same log up to there
//         u32 removed, removed × u32      rows tombstoned, in the order in which it happened
//
// An open reads those after its checkpoint; trim_changes takes away older ones, and keeps the last
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
  uint64_t stamp = 0;
  uint64_t expiring = 0;

  Row next_row() const { return first_row + rows_added; }
};

inline constexpr uint64_t kEntriesKept = 1u << 16;

std::string encode_change(const Change& change);
/// `sequence` is the one of the key. Corruption when the bytes are no entry of a version known here.
Result<Change> parse_change(uint64_t sequence, std::string_view value);

/// Adds the entry to the batch.
void append_change(KvBatch& batch, CollectionNumber collection, const Change& change);
/// The last entry, none in a collection never written to. Also checks that the entries kept have no hole.
Result<std::optional<Change>> last_change(const KvSnapshot& view, CollectionNumber collection);

/// What happened after a sequence.
struct ChangeTail {
  Row first_row = 0;         // rows from it on are new
  std::vector<Row> removed;  // new ones among them
};
/// None when the log does not lead from there to its end: it begins later, its last entry is older, or it has
/// another stamp there, so that it is another history. `sequence` 0: from the beginning.
Result<std::optional<ChangeTail>> changes_after(const KvSnapshot& view, CollectionNumber collection,
                                                uint64_t sequence, uint64_t stamp);
/// Adds the removal of entries that neither an open whose checkpoint is at `sequence` nor anybody else needs.
void trim_changes(KvBatch& batch, CollectionNumber collection, uint64_t sequence);

}  // namespace kith
