// The KvStore of life: one RocksDB for a whole directory. rocksdb_kv_store.cc is the only file that sees its
// headers.
#pragma once

#include <memory>
#include <string>

#include "storage/kv/kv_store.h"

namespace kith {

/// Opens or creates the store in `directory`, whose parent exists. Recovery keeps every synced batch and
/// drops a torn tail of the log. FailedPrecondition when `create_if_missing` is false and there is none;
/// Corruption names the file.
Result<std::unique_ptr<KvStore>> open_rocksdb_kv_store(const std::string& directory, bool create_if_missing);

}  // namespace kith
