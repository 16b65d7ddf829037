// Manifest: which files make up a collection's checkpoint, and which state of the truth it belongs to.
//
//   offset  bytes  content (little-endian)
//   0       8      "KITHMANI"
//   8       4      version = 1
//   12      4      collection
//   16      8      generation    grows with each checkpoint
//   24      8      sequence      the change log's when the checkpoint began
//   32      8      stamp         of the change log's entry of that sequence, 0 for sequence 0
//   40      4      next row      at that moment
//   44      8      points        at that moment
//   52      4      n, files
//   56      ..     n times: text name, u64 generation in which it was written, u64 bytes, u32 crc32c of them
//   end-4   4      crc32c of all before
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/rows/keys.h"

namespace kith {

/// The state of a collection at one moment between two writes.
struct CheckpointMark {
  uint64_t sequence = 0;
  uint64_t stamp = 0;
  Row next_row = 0;
  uint64_t points = 0;
};

struct ManifestFile {
  std::string name;
  uint64_t generation = 0;
  uint64_t bytes = 0;
  uint32_t crc = 0;

  /// In the collection's directory.
  std::string file_name() const;
};

struct Manifest {
  uint64_t generation = 0;
  CheckpointMark mark;
  std::vector<ManifestFile> files;

  /// Null when there is none.
  const ManifestFile* find(const std::string& name) const;
};

/// 1..36 of a-z, 0-9 and '-': what a name of a file may be, so that it is no path.
bool is_checkpoint_name(std::string_view name);

std::vector<std::byte> encode_manifest(const Manifest& manifest, CollectionNumber collection);
/// Corruption, naming `path`, when the bytes are no manifest of this collection and a version known here.
Result<Manifest> parse_manifest(std::span<const std::byte> bytes, CollectionNumber collection,
                                const std::string& path);

}  // namespace kith
