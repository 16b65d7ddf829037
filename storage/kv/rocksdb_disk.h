// How much of a disk RocksDB takes beside what lives in it: the log, and values that were erased or replaced.
//
// - The log is small beside the tables after each checkpoint (KvStore::trim).
// - A blob file goes as a whole once nothing in it lives, which is seen when tables that point into it are
//   compacted; they hold keys alone, so that is after every other flush. About 64 blob files make up a store:
//   a compaction writes what lives in the older half of them anew, or in the oldest quarter where they are
//   large, and one is asked for once the oldest is a quarter garbage.
#pragma once

#include "storage/kv/rocksdb_poison.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {

/// KvStore::trim.
Result<void> trim_rocksdb(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                          const RocksPoison& poison);

/// How large blob files are from now on, and how many are written anew, by what is in them now.
void fit_blob_files(rocksdb::DB& db, const RocksFamilies& families);

}  // namespace kith
