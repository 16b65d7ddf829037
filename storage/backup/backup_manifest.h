// BackupManifest: what one backup holds. It is written last: a directory without a whole one is no backup.
//
//   offset  bytes  content (little-endian)
//   0       8      "KITHBACK"
//   8       4      version = 1
//   12      4      format of the directory that was backed up
//   16      8      number of the backup, also the name of its directory
//   24      8      time, milliseconds since 1970 UTC
//   32      4      n, collections
//   36      ..     n times: u32 number, text name, u8 state (0 whole, 1 quarantined: the next two are 0),
//                  u64 sequence, u64 points
//   ..      4      m, files
//   ..      ..     m times: text name, u64 bytes, u32 crc32c of them
//   end-4   4      crc32c of all before
//
// A file's name is "store/" and a name as RocksDB gives them, or "checkpoints/<collection>/MANIFEST" or
// "checkpoints/<collection>/<generation>-<name>": nothing else is ever made into a path.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/rows/keys.h"

namespace kith {

/// A collection as of the backup.
struct BackupCollection {
  CollectionNumber number = 0;
  std::string name;
  bool quarantined = false;
  uint64_t sequence = 0;
  uint64_t points = 0;

  friend bool operator==(const BackupCollection&, const BackupCollection&) = default;
};

struct BackupFile {
  std::string name;
  uint64_t bytes = 0;
  uint32_t crc = 0;
};

struct BackupManifest {
  uint32_t format = 0;
  uint64_t number = 0;
  int64_t time_ms = 0;
  std::vector<BackupCollection> collections;
  std::vector<BackupFile> files;

  uint64_t bytes() const;  // of all files
};

bool is_backup_file_name(std::string_view name);

std::vector<std::byte> encode_backup(const BackupManifest& manifest);
/// Corruption, naming `path`, when the bytes are no manifest; FailedPrecondition when its version is unknown.
Result<BackupManifest> parse_backup(std::span<const std::byte> bytes, const std::string& path);

}  // namespace kith
