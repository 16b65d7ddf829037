// Blob files read without the store that wrote them: where its MANIFEST is lost nobody else knows what is in
// them. RocksDB's format (db/blob/blob_log_format.h in its source):
//
//   head    30 bytes: u32 magic 0x00248f37, u32 version 1, u32 column family, u8 flags, u8 compression, 16
//   bytes record  u64 key bytes, u64 value bytes, u64 0, u32 masked crc32c of these, u32 masked crc32c of key
//   and value,
//           key, value
//   tail    32 bytes
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/io/file_system.h"

namespace kith {

/// Where a value lies that was once written under a key.
struct BlobPlace {
  std::string path;
  uint64_t offset = 0;
  uint64_t bytes = 0;
};

/// All intact records of the blob files in `directory`, up to the first in each file whose head is damaged:
/// where the next begins is not known then. The last of a key, by the files' numbers.
Result<std::map<std::string, BlobPlace>> scan_blob_files(FileSystem& fs, const std::string& directory);

}  // namespace kith
