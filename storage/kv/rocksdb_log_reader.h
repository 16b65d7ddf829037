// RocksDB's log format, which its write-ahead logs and its MANIFEST have (RocksDB wiki, "Write Ahead Log File
// Format"), as far as it takes to tell how much of a file is whole: RocksDB itself stops at the first bad
// record without saying whether it ever was a good one.
//
//   file      blocks of 32 KiB; a record is cut into fragments that do not cross blocks
//   fragment  u32 masked crc32c of type and payload, u16 length, u8 type, payload
//   type      1 whole record, 2 first, 3 middle, 4 last fragment of one; fewer than 7 bytes of a block: zeros
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kith {

struct LogExtent {
  uint64_t bytes = 0;   // of the file
  uint64_t whole = 0;   // so many at its beginning are whole records
  bool more = false;    // intact fragments come after something that is none
  bool astray = false;  // what ends the whole ones is an intact record that does not belong there
};

inline constexpr size_t kLogHeadMax = 128;

/// The first bytes of a record, kLogHeadMax where it has so many. False: it does not belong here, so nothing
/// is whole from it on.
using LogVisit = std::function<bool(std::string_view)>;

/// Reads all of `path`; `visit` gets every record whose first bytes are intact, also those after damage.
Result<LogExtent> read_log(rocksdb::FileSystem& fs, const std::string& path, const LogVisit& visit);

/// Follows a log while it is written, in pieces of any size.
class LogBoundary {
 public:
  void add(std::string_view data);
  /// Bytes of whole records so far.
  uint64_t whole() const { return whole_; }

 private:
  uint64_t offset_ = 0;
  uint64_t whole_ = 0;
  size_t skip_ = 0;           // of a payload or a block's end, still to come
  bool ends_record_ = false;  // what is skipped
  char header_[7] = {};
  size_t header_bytes_ = 0;  // so many of them are here
};

}  // namespace kith
