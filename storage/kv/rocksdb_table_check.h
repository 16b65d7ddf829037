// Looks at the end of a table before RocksDB does. RocksDB 7.8 believes two things there that no checksum has
// vouched for yet:
// - the places of blocks in the footer: it makes room for as many bytes as they say, and where there is none
//   the process ends;
// - the properties block, which it takes apart and compares the checksum then: where the library was built
//   with assertions, as Debian's is, damage there ends the process. (Every other block's checksum it compares
//   first.)
//
// The format: a block is followed by a byte of type and a checksum of both; at the end of the file stand the
// type of checksums, the places of the index of such blocks and of the data index, a version and a magic
// number (rocksdb wiki, "Rocksdb BlockBasedTable Format"; table/format.cc). Of tables with checksums other
// than crc32c, as ours are, the places are looked at alone; ones without are none of ours.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"

namespace kith {

/// `read` fills all of what it is given from an offset on. Corruption names the place.
Result<void> check_table_end(uint64_t file_bytes,
                             const std::function<Result<void>(uint64_t offset, std::span<std::byte>)>& read);

}  // namespace kith
