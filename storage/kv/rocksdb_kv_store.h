// The KvStore of life: one RocksDB for a whole directory. Only the files beside this one whose names start
// with rocksdb_ see its headers.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "storage/kv/kv_store.h"

namespace kith {

struct RocksKvOptions {
  bool create_if_missing = true;
  /// Newest writes of vectors that stay in memory before they go to a file; records have half. At least 128
  /// KiB.
  uint64_t memtable_bytes = 64u << 20;
  /// The store's bytes go through it (rocksdb_file_system.h).
  FileSystem* fs = &posix_file_system();
};

/// Opens or creates the store in `directory`, whose parent exists. Recovery keeps every synced batch and
/// drops a torn tail of the log. FailedPrecondition when `create_if_missing` is false and there is none;
/// Corruption names the file.
Result<std::unique_ptr<KvStore>> open_rocksdb_kv_store(const std::string& directory,
                                                       const RocksKvOptions& options);

}  // namespace kith
