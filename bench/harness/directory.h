// What lies in a database's directory, and how it is made cold.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace kith::bench {

/// Bytes that the disk gives to it (blocks, not lengths), but for what is set aside behind a file's end; a
/// file with two names counts once.
struct DirectoryBytes {
  uint64_t store = 0;  // RocksDB without blob files
  uint64_t blobs = 0;
  uint64_t checkpoints = 0;
  uint64_t rest = 0;
  uint64_t total() const { return store + blobs + checkpoints + rest; }
};
Result<DirectoryBytes> directory_bytes(const std::string& directory);

/// Syncs every file and asks the kernel to drop its pages (posix_fadvise DONTNEED). The share of them that is
/// in memory afterwards: 0 where it obeyed.
Result<double> drop_from_page_cache(const std::string& directory);

}  // namespace kith::bench
