// RocksDB over our own FileSystem: every byte that it reads, writes, syncs and names goes through the layer
// in which tests lose power and break devices. What has no bytes (clock, threads) stays the machine's.
//
// For tests: RocksDB's own file system knows direct IO, preallocation and write-back hints, ours does not.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>

#include "base/io/file_system.h"

namespace kith {

/// `fs` outlives what is returned. The machine's own: RocksDB's faster way there.
std::shared_ptr<rocksdb::FileSystem> rocksdb_file_system(FileSystem& fs);

/// RocksDB's own, but it never sleeps for long: after a failed flush, say, where it would try again a second
/// later.
std::unique_ptr<rocksdb::Env> make_restless_env(const std::shared_ptr<rocksdb::FileSystem>& fs);

/// Its warnings, in our log. Its own log would be a file beside the data, and where that meets a full disk a
/// library that was built with assertions ends the process.
std::shared_ptr<rocksdb::Logger> make_rocksdb_log(const std::string& directory);
/// A log that keeps nothing.
std::shared_ptr<rocksdb::Logger> make_rocksdb_null_log();

}  // namespace kith
