// How much of a disk RocksDB takes beside what lives in it: the log, and values that were erased or replaced.
//
// - The log is small beside the tables after each checkpoint (KvStore::trim).
// - A blob file goes as a whole once nothing in it lives, which is seen when tables that point into it are
//   compacted; they hold keys alone, so that is after every other flush. About 64 blob files make up a store.
// - A compaction also writes what lives in the oldest blob files anew, whatever their garbage (RocksDB knows
//   no better). So how many of them is said anew at each trim: none while less than a thirty-second is
//   garbage, then as many as make four times of what two flushes bring, half of them at most.
#pragma once

#include "storage/kv/rocksdb_poison.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {

/// KvStore::trim.
Result<void> trim_rocksdb(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                          const RocksPoison& poison);

/// How large blob files are from now on, and how many are written anew, by what is in them now and what is
/// about to be flushed. The caller is inside the poison, or alone.
void fit_blob_files(rocksdb::DB& db, const RocksFamilies& families, uint64_t unflushed);

}  // namespace kith
