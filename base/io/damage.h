// Damage at rest: what disks do to files that were written well. Crash and corruption tests damage one file
// and then compare every answer with the model: it must be right, or a typed error. See docs/formats.md for
// what must notice.
#pragma once

#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "base/random.h"

namespace kith {

enum class Damage : uint8_t {
  kBitFlip,         // one bit
  kZeroedSector,    // 512 bytes read as zeros
  kTruncated,       // the file ends early
  kSwappedSectors,  // two sectors changed places
  kMisdirected,     // a 4 KiB block was written over another one too
  kStale,           // a 4 KiB block is that of an older version of the file
};
inline constexpr size_t kDamages = 6;

/// Name in messages, e.g. "bit_flip".
std::string_view damage_name(Damage damage);

/// Damages `path` at a random place so that at least one byte changes, and says what it did and where.
/// `older` is the earlier version of the file for kStale; without one the stale block is zeros.
/// InvalidArgument when the file is too short or too uniform for this damage to change it.
Result<std::string> damage_file(FileSystem& fs, const std::string& path, Damage damage, Random& random,
                                std::span<const std::byte> older = {});

}  // namespace kith
