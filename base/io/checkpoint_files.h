// CheckpointOutput, CheckpointInput: where an index, or anything else that is derived from the truth, leaves
// its state and finds it again, without knowing directories, generations or manifests (storage/checkpoint
// does).
//
// A checkpoint is a set of files with names. Each is written once, from its start to its end, and never
// changed; one of the checkpoint before may be kept as it is, so what only grows costs what it grew by.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"

namespace kith {

/// One checkpoint being written, by one thread.
class CheckpointOutput {
 public:
  virtual ~CheckpointOutput() = default;
  /// A new file. `name`: 1..24 of a-z, 0-9 and '-', not used in this checkpoint before. Sync and close it.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& name) = 0;
  /// Makes the file of that name of the checkpoint before part of this one. False when that has none, or one
  /// of another length than `bytes`: create it then. To be asked only for files whose bytes their length
  /// says.
  virtual bool keep(const std::string& name, uint64_t bytes) = 0;
};

/// A checkpoint to be read. Any threads.
class CheckpointInput {
 public:
  virtual ~CheckpointInput() = default;
  /// Corruption, naming the file, when the checkpoint has none of that name or it is not the one that was
  /// written. Its bytes are as the disk gives them: readers check what they read.
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& name) const = 0;
};

}  // namespace kith
