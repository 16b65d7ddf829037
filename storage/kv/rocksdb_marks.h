// Marks of what is durable, so that a synced record that is damaged later is noticed.
//
// RocksDB cannot tell a record that a crash tore from one that was synced and went bad: it ends the replay at
// either, silently, and would lose acknowledged writes. So each batch that is written carries a mark (log
// data: it stands in the log, not in tables) of how far the log, the one before it and the MANIFEST were
// durable at that moment. Before a store is opened all logs are read: what any intact mark says was durable
// must be whole. What no later mark speaks of, at the end of the last log, can only be taken for torn; so the
// store writes a mark of its own when it is closed.
//
//   offset  bytes  a mark (little-endian)
//   0       4      "KMRK"
//   4       4      u32 version = 1
//   8       16     u64 number of the current log, u64 durable bytes of it
//   24      16     u64 number of the log before, u64 its length; 0, 0 when this process wrote none
//   40      16     u64 number of the MANIFEST, u64 durable bytes of it
#pragma once

#include <rocksdb/file_system.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

/// Of a log that holds one mark and nothing else: the heads of a record and of a batch, and a tag before it.
inline constexpr uint64_t kMarkLogBytes = 7 + 12 + 2 + 56;

struct DurableExtent {
  uint64_t number = 0;  // of the file; 0: none
  uint64_t bytes = 0;
};

struct DurableMark {
  DurableExtent log;
  DurableExtent log_before;
  DurableExtent manifest;
};

/// Of a file's name without its directory, as RocksDB makes them: 000012.log, MANIFEST-000005.
std::optional<uint64_t> number_of_log(std::string_view name);
std::optional<uint64_t> number_of_manifest(std::string_view name);

std::string encode_mark(const DurableMark& mark);
/// Of the batch whose log record begins with `payload`; none when it carries none.
std::optional<DurableMark> mark_of_record(std::string_view payload);

/// What RocksDB refuses, though a crash or a full disk may leave it: a MANIFEST, or a log that is not the
/// last, that ends in a torn record.
enum class TornTail : uint8_t { kLeave, kCut };

/// To be called before RocksDB opens `directory`. Corruption when what was durable is not whole.
Result<void> check_durable(rocksdb::FileSystem& fs, const std::string& directory, TornTail torn);

}  // namespace kith
