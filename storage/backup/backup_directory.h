// A directory of backups.
//
//   <directory>/LOCK                    held while one is being written
//   <directory>/<n>/PARTIAL             while it is being written: what a crash leaves is known as ours
//   <directory>/<n>/BACKUP              backup_manifest.h; written last: without it there is no backup
//   <directory>/<n>/store/...           the files of the KvStore
//   <directory>/<n>/checkpoints/<collection>/...
//
// Each backup is whole by itself: files that another one has too are hard links, so any may be removed at any
// time. Names come from numbers and from names checked by is_backup_file_name alone.
#pragma once

#include <set>

#include "base/io/file_copy.h"
#include "storage/backup/backup_manifest.h"

namespace kith {

inline constexpr const char* kBackupManifest = "BACKUP";
inline constexpr const char* kBackupPartial = "PARTIAL";

/// A name that a backup may have in its directory: a decimal number from 1 on.
bool is_backup_number(const std::string& name);

/// What `path`/BACKUP says. NotFound when there is none.
Result<BackupManifest> read_backup(FileSystem& fs, const std::string& path);

/// The backups in `directory`, ascending; those whose manifest cannot be read too.
struct ListedBackup {
  uint64_t number;
  Result<BackupManifest> manifest;
};
Result<std::vector<ListedBackup>> list_backup_directory(FileSystem& fs, const std::string& directory);

/// `from` itself where it is a backup, else the last one in it.
Result<std::string> find_backup(FileSystem& fs, const std::string& from);

/// Reads all files of the backup at `path` and says what is wrong with them, file by file.
Result<std::vector<std::string>> verify_backup_files(FileSystem& fs, const std::string& path,
                                                     const BackupManifest& manifest, const Stop& stop,
                                                     ByteProgress& progress);

/// The directories of files like those of a manifest, `path` among them, each before those in it.
std::set<std::string> backup_directories(const std::string& path, std::span<const BackupFile> files);

}  // namespace kith
