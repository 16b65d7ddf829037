// Copying and checking whole files: a step at a time, so that whoever waits sees how far it is and can stop
// it.
#pragma once

#include <atomic>

#include "base/io/file_system.h"
#include "base/stop.h"

namespace kith {

/// How far work on many files is; read by any thread.
struct ByteProgress {
  std::atomic<uint64_t> done{0};
  std::atomic<uint64_t> total{0};
};

/// The first `bytes` of `from` become the new file `to`, synced (its name is not). Their crc32c.
Result<uint32_t> copy_file(FileSystem& fs, const std::string& from, uint64_t bytes, const std::string& to,
                           const Stop& stop, ByteProgress& progress);

/// The crc32c of all of a file. Corruption unless it has just so many bytes.
Result<uint32_t> checksum_file(FileSystem& fs, const std::string& path, uint64_t bytes, const Stop& stop,
                               ByteProgress& progress);

}  // namespace kith
