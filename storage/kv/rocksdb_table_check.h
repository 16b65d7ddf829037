// Looks at a table's properties block before RocksDB does. RocksDB 7.8 reads it without its checksum, takes
// it apart, and compares the checksum then: where the library was built with assertions, as Debian's is,
// damage there ends the process. (Every other block's checksum it compares first.)
//
// The format: a block is followed by a byte of type and a checksum of both; at the end of the file stand the
// type of checksums, the places of the index of such blocks and of the data index, a version and a magic
// number (rocksdb wiki, "Rocksdb BlockBasedTable Format"; table/format.cc). Tables with checksums other than
// crc32c, as ours are, pass.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"

namespace kith {

/// `read` fills all of what it is given from an offset on. Corruption names the place.
Result<void> check_table_properties(
    uint64_t file_bytes, const std::function<Result<void>(uint64_t offset, std::span<std::byte>)>& read);

}  // namespace kith
