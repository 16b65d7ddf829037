// Backups without a database: see query/backup.h.
#include "query/backup.h"
#include "query/collection/backup_info.h"
#include "query/collection/catalog.h"
#include "query/collection/staged_directory.h"
#include "storage/backup/backup_directory.h"
#include "storage/kv/rocksdb_salvage.h"

namespace kith {
namespace {

FileSystem& files_of(const OfflineOptions& options) {
  return options.fs != nullptr ? *options.fs : posix_file_system();
}

/// The store in a copy holds what the manifest says.
Result<void> check_store(FileSystem& fs, const std::string& store, const BackupManifest& manifest) {
  const std::shared_ptr<const KvSnapshot> view = TRY(read_rocksdb_kv_store(store, fs));
  const std::vector<BackupCollection> found = TRY(read_collections(*view));
  if (found.size() != manifest.collections.size())
    return corruption("'{}' has {} collections, the backup's manifest {}", store, found.size(),
                      manifest.collections.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const BackupCollection& wanted = manifest.collections[i];
    if (wanted.quarantined ? found[i].number == wanted.number : found[i] == wanted) continue;
    return corruption(
        "'{}': collection '{}' has sequence {} and {} points, the backup's manifest says '{}', {} and {}",
        store, found[i].name, found[i].sequence, found[i].points, wanted.name, wanted.sequence,
        wanted.points);
  }
  return {};
}

/// Copies a backup to where nobody else works, and sees that it opens.
class Restore {
 public:
  Restore(FileSystem& fs, const std::string& from, const BackupManifest& manifest, const std::string& to,
          const Stop& stop, ByteProgress& progress)
      : fs_(fs), from_(from), manifest_(manifest), to_(to), stop_(stop), progress_(progress) {}

  Result<void> run() {
    progress_.total = manifest_.bytes();
    const std::set<std::string> directories = backup_directories(to_, manifest_.files);
    for (const std::string& directory : directories) TRY(fs_.make_directories(directory));
    for (const BackupFile& file : manifest_.files) TRY(copy(file));
    for (auto directory = directories.rbegin(); directory != directories.rend(); ++directory)
      TRY(fs_.sync_directory(*directory));
    TRY(check_store(fs_, to_ + "/store", manifest_));
    return test_open();
  }

 private:
  Result<void> copy(const BackupFile& file) {
    const std::string source = from_ + '/' + file.name;
    const std::unique_ptr<ReadableFile> opened = TRY(fs_.open(source));
    if (opened->size() != file.bytes)
      return corruption("'{}' has {} bytes, {} were backed up", source, opened->size(), file.bytes);
    const uint32_t crc = TRY(copy_file(fs_, source, file.bytes, to_ + '/' + file.name, stop_, progress_));
    if (crc != file.crc) return corruption("'{}' is not what was backed up: wrong checksum", source);
    return {};
  }

  Result<void> test_open() {
    DatabaseOptions options;
    options.create_if_missing = false;
    options.checkpoints.at_close = false;
    options.fs = &fs_;
    const std::unique_ptr<Database> database = TRY(Database::open(to_, options));
    for (const BackupCollection& collection : manifest_.collections) {
      TRY(stop_.check());
      if (!collection.quarantined) TRY(database->collection(collection.name));
    }
    return {};
  }

  FileSystem& fs_;
  const std::string& from_;
  const BackupManifest& manifest_;
  const std::string& to_;
  const Stop& stop_;
  ByteProgress& progress_;
};

}  // namespace

Result<std::vector<BackupInfo>> list_backups(const std::string& directory, const OfflineOptions& options) {
  std::vector<BackupInfo> infos;
  for (const ListedBackup& backup : TRY(list_backup_directory(files_of(options), directory))) {
    infos.push_back(backup.manifest.ok() ? to_info(*backup.manifest) : BackupInfo{});
    infos.back().number = backup.number;
    if (!backup.manifest.ok()) infos.back().damage = backup.manifest.error().message;
  }
  return infos;
}

Result<BackupCheck> verify_backup(const std::string& path, const OfflineOptions& options) {
  FileSystem& fs = files_of(options);
  ByteProgress unseen;
  ByteProgress& progress = options.progress != nullptr ? *options.progress : unseen;
  const std::string found = TRY(find_backup(fs, path));
  const Result<BackupManifest> manifest = read_backup(fs, found);
  BackupCheck check;
  if (!manifest.ok()) {
    if (manifest.error().code != Code::kCorruption) return manifest.error();
    check.problems.push_back(manifest.error().message);
    return check;
  }
  check.backup = to_info(*manifest);
  progress.total = manifest->bytes();
  check.problems = TRY(verify_backup_files(fs, found, *manifest, options.stop, progress));
  if (!check.problems.empty()) return check;  // what is damaged need not be opened
  if (auto opened = check_store(fs, found + "/store", *manifest); !opened.ok())
    check.problems.push_back(opened.error().message);
  return check;
}

Result<BackupInfo> restore_backup(const std::string& from, const std::string& to,
                                  const OfflineOptions& options) {
  FileSystem& fs = files_of(options);
  ByteProgress unseen;
  ByteProgress& progress = options.progress != nullptr ? *options.progress : unseen;
  const std::string found = TRY(find_backup(fs, from));
  const BackupManifest manifest = TRY(read_backup(fs, found));
  if (manifest.format != kFormatVersion)
    return failed_precondition("'{}' has format {}, this version of Kith reads {}; use one that reads it",
                               found, manifest.format, kFormatVersion);
  const std::unique_ptr<StagedDirectory> staged = TRY(StagedDirectory::begin(fs, to));
  TRY(Restore(fs, found, manifest, staged->path(), options.stop, progress).run());
  TRY(staged->commit());
  return to_info(manifest);
}

}  // namespace kith
