// A file of a checkpoint: a head that says which one it is, so that a file in the wrong place or of another
// time is noticed, then what its writer appended.
//
//   offset  bytes  content (little-endian)
//   0       8      "KITHPART"
//   8       4      version = 1
//   12      4      collection
//   16      8      generation   of the checkpoint that wrote it
//   24      36     name, padded with zeros
//   60      4      crc32c of bytes 0..59
//   64      ..     content
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "storage/checkpoint/manifest.h"

namespace kith {

inline constexpr size_t kCheckpointFileHead = 64;
inline constexpr size_t kCheckpointNameMax = 36;

/// "<generation>-<name>"
std::string checkpoint_file_name(uint64_t generation, const std::string& name);

/// Creates `directory`/file_name() and writes its head. When the file is closed, after a sync, `done` gets
/// its length and checksum.
Result<std::unique_ptr<WritableFile>> create_checkpoint_file(FileSystem& fs, const std::string& directory,
                                                             CollectionNumber collection, ManifestFile file,
                                                             std::function<void(ManifestFile)> done);

/// The content of a file: offset 0 is the first byte after the head. Corruption, naming the file, unless
/// length and head are as `file` says; its content is not checked.
Result<std::unique_ptr<ReadableFile>> open_checkpoint_file(FileSystem& fs, const std::string& directory,
                                                           CollectionNumber collection,
                                                           const ManifestFile& file);

/// Reads all of it. Corruption unless every byte is as it was written.
Result<void> verify_checkpoint_file(FileSystem& fs, const std::string& directory, CollectionNumber collection,
                                    const ManifestFile& file);

}  // namespace kith
