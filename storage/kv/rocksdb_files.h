// What is done with RocksDB's files as files: listing them for a copy, and taking erased values out of them.
#pragma once

#include "storage/kv/rocksdb_poison.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {

/// KvStore::hold_files. Where the store takes writes what is in memory goes to tables first, so that little
/// log is left to copy.
Result<void> hold_rocksdb_files(rocksdb::DB& db, const std::string& directory, const RocksPoison& poison,
                                const std::function<Result<void>(std::span<const KvFile>)>& use);

/// KvStore::purge.
Result<void> purge_rocksdb_files(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                                 const RocksPoison& poison, KvTable table, std::string_view begin,
                                 std::string_view end, const Stop& stop);

}  // namespace kith
