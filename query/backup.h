// Backups without a database: listing, checking and restoring them. PUBLIC: part of the embedding API, beside
// Database::backup, which makes them.
//
// A directory of backups holds <n>/ for each; any may be removed or copied elsewhere by itself. How they are
// laid out: docs/formats.md.
#pragma once

#include <string>
#include <vector>

#include "base/io/file_copy.h"
#include "query/database.h"

namespace kith {

/// How such work is done.
struct OfflineOptions {
  Stop stop;
  ByteProgress* progress = nullptr;  // hears how far it is
  FileSystem* fs = nullptr;          // null: the machine's own
};

/// Those in `directory`, ascending; a damaged one says why.
Result<std::vector<BackupInfo>> list_backups(const std::string& directory, const OfflineOptions& options);

/// Reads every byte of a backup, or of the last one in a directory of backups, and opens its store.
Result<BackupCheck> verify_backup(const std::string& path, const OfflineOptions& options);

/// Makes `to`, which must not be there yet or be empty, the directory that was backed up: `from` is a backup,
/// or the last one in it is meant. Every byte is checked on the way into a directory beside `to`, which is
/// opened to see that it can be, and takes its place at last: a crash leaves nothing at `to`, or all of it.
/// Files are copied, never linked: what is written to the directory does not reach the backup.
Result<BackupInfo> restore_backup(const std::string& from, const std::string& to,
                                  const OfflineOptions& options);

}  // namespace kith
