// RocksOpening: with what options RocksDB opens a store; the same for every way of opening one.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/kv/rocksdb_kv_store.h"
#include "storage/kv/rocksdb_poison.h"
#include "storage/kv/rocksdb_space.h"
#include "storage/kv/rocksdb_watch.h"

namespace kith {

struct RocksOpening {
  explicit RocksOpening(const RocksKvOptions& options);

  FileSystem& fs;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<RocksSpace> space;
  std::shared_ptr<RocksWatch> watch;
  std::shared_ptr<RocksPoison> poison;  // of one that is opened for writing
  std::unique_ptr<rocksdb::Env> env;    // outlives what is opened
  rocksdb::DBOptions settings;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
};

/// What it means that the store in `directory` could not be opened.
Error rocks_open_error(const std::string& directory, const rocksdb::Status& status);

}  // namespace kith
