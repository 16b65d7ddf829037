// BackupWriter: a backup on its way into a directory of backups (backup_directory.h). What it writes is
// synced, files and names, before the manifest is; a crash at any moment leaves the backups of before.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "storage/backup/backup_directory.h"

namespace kith {

/// Destroyed without commit it leaves nothing behind. Used by one thread.
class BackupWriter {
 public:
  /// Makes `directory` where it is missing, and removes what crashes left there. FailedPrecondition while
  /// another one is being written there.
  static Result<std::unique_ptr<BackupWriter>> begin(FileSystem& fs, const std::string& directory);
  ~BackupWriter();
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  uint64_t number() const { return number_; }
  /// `directory`/number.
  const std::string& path() const { return path_; }

  /// The first `bytes` of `source` become the file `name`. Where `crc` is known the source never changes: it
  /// is linked, or, on another device, what an earlier backup has is; else it is copied. Corruption when what
  /// is copied is not what `crc` says.
  Result<void> add(const std::string& name, const std::string& source, uint64_t bytes,
                   std::optional<uint32_t> crc, const Stop& stop, ByteProgress& progress);
  Result<void> add_bytes(const std::string& name, std::span<const std::byte> bytes);
  /// As if the files in this directory of the backup had never been added.
  Result<void> drop(const std::string& directory);

  /// From now on there is this backup: durable, with all files added. Number, time and files are filled in.
  Result<void> commit(BackupManifest& manifest);
  uint64_t copied_bytes() const { return copied_bytes_; }

 private:
  BackupWriter(FileSystem& fs, std::string directory, std::unique_ptr<FileLock> lock)
      : fs_(fs), directory_(std::move(directory)), lock_(std::move(lock)) {}
  Result<void> sweep();
  Result<void> prepare();
  bool link(const BackupFile& file, const std::string& source);

  FileSystem& fs_;
  const std::string directory_;
  const std::unique_ptr<FileLock> lock_;
  uint64_t number_ = 1;
  std::string path_;
  /// Of whole backups, by name: where, and what is there.
  std::multimap<std::string, std::pair<std::string, BackupFile>> earlier_;
  std::vector<BackupFile> files_;
  uint64_t copied_bytes_ = 0;
  bool committed_ = false;
};

}  // namespace kith
