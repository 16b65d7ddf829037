// FileSystem: every file operation outside RocksDB goes through this, and in tests those of RocksDB too
// (storage/kv/rocksdb_file_system.h), so that they can lose power, tear a write or fail the nth call.
// posix_file_system() is the real one; memory_file_system.h and fault_file_system.h are its twins.
//
// Paths are plain strings. Nothing here follows names that came from users: those never become paths
// (docs/formats.md). All errors name the path. Thread-safe, except that one File is used by one thread at a
// time for append and sync.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace kith {

/// A file being written from its start to its end.
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  virtual Result<void> append(std::span<const std::byte> data) = 0;
  /// Durable on return: data and length (fdatasync). An error is final: never retried, the file is to be
  /// abandoned.
  virtual Result<void> sync() = 0;
  virtual Result<void> close() = 0;
};

/// A file read at any offset by any number of threads.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  virtual uint64_t size() const = 0;
  /// Fills `out` whole from `offset`; Corruption when the file ends before.
  virtual Result<void> read(uint64_t offset, std::span<std::byte> out) const = 0;
};

/// A part of a file and where its bytes go.
struct FilePart {
  uint64_t offset;
  std::span<std::byte> out;
};

/// A file without a name, gone when it is closed or the process ends: derived data that memory has no room
/// for. Never durable.
class ScratchFile {
 public:
  virtual ~ScratchFile() = default;
  /// One thread at a time. An error is final.
  virtual Result<void> append(std::span<const std::byte> data) = 0;
  /// In place of what was appended before at `offset`, all of it. As append; what reads of these bytes find
  /// meanwhile is undefined.
  virtual Result<void> write_again(uint64_t offset, std::span<const std::byte> data) = 0;
  /// Fills all parts from what was written before the call; any threads. What the device must be asked for
  /// is asked for all at once. On error the buffers are undefined.
  virtual Result<void> read(std::span<const FilePart> parts) const = 0;
};

/// What a device holds, in bytes.
struct DiskSpace {
  uint64_t total = 0;
  uint64_t free = 0;  // that this process may take
};

/// Held until destroyed.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  /// Creates or truncates; the directory must exist. The name is durable only after sync_directory of the
  /// parent.
  virtual Result<std::unique_ptr<WritableFile>> create(const std::string& path) = 0;
  virtual Result<std::unique_ptr<ReadableFile>> open(const std::string& path) = 0;
  /// On the device of `directory`, which must exist.
  virtual Result<std::unique_ptr<ScratchFile>> create_scratch(const std::string& directory) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> list(const std::string& directory) = 0;  // names, sorted
  /// With all that lead there; those that exist stay. Each is durable only after sync_directory of its
  /// parent.
  virtual Result<void> make_directories(const std::string& directory) = 0;
  /// Atomic. A file may replace a file; a directory goes, with all in it, to a free name or in place of an
  /// empty directory. Durable only after sync_directory of both parents.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// `to` becomes a second name of the file `from`, on the same device. AlreadyExists when it is taken.
  /// Durable only after sync_directory of the parent.
  virtual Result<void> link(const std::string& from, const std::string& to) = 0;
  /// A file or an empty directory.
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> sync_directory(const std::string& directory) = 0;
  /// Of the device of `directory`, which must exist.
  virtual Result<DiskSpace> disk_space(const std::string& directory) = 0;
  /// FailedPrecondition when another process (or another holder here) has it.
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path) = 0;
};

/// The machine's own, one per process.
FileSystem& posix_file_system();

/// As make_directories, and their names survive power loss. Also those of an earlier call that a crash cut
/// short: each name is synced before the next is made in it, so only the last that exists may not be yet.
Result<void> make_durable_directories(FileSystem& fs, const std::string& directory);

/// A file, or a directory with all in it, whatever it is called. Never follows a symbolic link.
Result<void> remove_tree(FileSystem& fs, const std::string& path);

/// Writes `data` to `path` so that after a crash either the old or the new content is there: temp file, sync,
/// rename, sync of the directory.
Result<void> write_file_atomically(FileSystem& fs, const std::string& path, std::span<const std::byte> data);

}  // namespace kith
