// Backups of an open directory, see query/database.h and storage/backup.
//
// One moment: the store's files are those of one moment of all collections, taken without stopping a writer.
// Checkpoints are pinned before, so what they hold is older than the store and its log leads on from them.
// Which state that was is read from the copy itself, which thereby is seen to open.
#include <chrono>
#include <filesystem>

#include "base/io/path.h"
#include "base/log.h"
#include "query/collection/backup_info.h"
#include "query/collection/local_database.h"
#include "storage/backup/backup_writer.h"
#include "storage/kv/rocksdb_salvage.h"

namespace kith {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(20);

std::string absolute(const std::string& path) {
  return normal_path(std::filesystem::absolute(path).string());
}

}  // namespace

class LocalDatabase::BackupRun {
 public:
  BackupRun(LocalDatabase& database, BackupWriter& writer, const Stop& stop, ByteProgress& progress)
      : database_(database), engine_(*database.engine_), writer_(writer), stop_(stop), progress_(progress) {}

  Result<BackupManifest> run() {
    for (const auto& collection : database_.open_ones())
      if (auto manifest = collection->pin_checkpoint(); manifest != nullptr)
        pinned_.emplace(collection->number(), Pinned{collection, std::move(manifest)});
    TRY(engine_.store->hold_files([&](std::span<const KvFile> files) { return add_store(files); }));
    BackupManifest manifest;
    manifest.format = kFormatVersion;
    const auto view = TRY(read_rocksdb_kv_store(writer_.path() + "/store", engine_.fs));
    manifest.collections = TRY(read_collections(*view));
    mark_quarantined(manifest);
    for (const BackupCollection& collection : manifest.collections)
      if (auto pinned = pinned_.find(collection.number); pinned != pinned_.end())
        TRY(add_checkpoint(pinned->second));
    TRY(stop_.check());
    TRY(writer_.commit(manifest));
    return manifest;
  }

 private:
  struct Pinned {
    std::shared_ptr<LocalCollection> collection;  // first: outlives the pin
    std::shared_ptr<const Manifest> manifest;
  };

  Result<void> add_store(std::span<const KvFile> files) {
    for (const KvFile& file : files) progress_.total += file.bytes;
    for (const auto& [number, pinned] : pinned_)
      for (const ManifestFile& file : pinned.manifest->files) progress_.total += file.bytes;
    for (const KvFile& file : files) {
      const std::string name = "store/" + file.name;
      if (!is_backup_file_name(name)) return corruption("store: a file is called '{}'", file.name);
      if (file.content.has_value())
        TRY(writer_.add_bytes(name, as_bytes(*file.content)));
      else
        TRY(writer_.add(name, fmt::format("{}/{}", engine_.directory, name), file.bytes, file.crc, stop_,
                        progress_));
    }
    return {};
  }

  /// Of a collection that was dropped meanwhile, and with it its files, the truth is in the backup all the
  /// same.
  Result<void> add_checkpoint(const Pinned& pinned) {
    const std::string directory = fmt::format("checkpoints/{}", pinned.collection->number());
    const Result<void> added = add_checkpoint_files(directory, pinned);
    if (added.ok() || !pinned.collection->dropped()) return added;
    return writer_.drop(directory);
  }

  Result<void> add_checkpoint_files(const std::string& directory, const Pinned& pinned) {
    for (const ManifestFile& file : pinned.manifest->files) {
      const std::string name = directory + '/' + file.file_name();
      TRY(writer_.add(name, engine_.directory + '/' + name, file.bytes, file.crc, stop_, progress_));
    }
    return writer_.add_bytes(directory + "/MANIFEST",
                             encode_manifest(*pinned.manifest, pinned.collection->number()));
  }

  /// Also those whose records are read by an open alone.
  void mark_quarantined(BackupManifest& manifest) {
    std::lock_guard lock(database_.mutex_);
    for (const auto& [name, entry] : database_.entries_) {
      if (entry.collection != nullptr) continue;
      for (BackupCollection& collection : manifest.collections)
        if (collection.number == entry.number) collection = {entry.number, name, true, 0, 0};
    }
  }

  LocalDatabase& database_;
  Engine& engine_;
  BackupWriter& writer_;
  const Stop& stop_;
  ByteProgress& progress_;
  std::map<CollectionNumber, Pinned> pinned_;
};

Result<BackupReport> LocalDatabase::backup(const std::string& directory, const Stop& stop) {
  const auto start = std::chrono::steady_clock::now();
  if (directory.empty()) return invalid_argument("backup: the directory is empty; name one");
  const std::string ours = absolute(engine_->directory);
  if ((absolute(directory) + '/').starts_with(ours + '/'))
    return invalid_argument("backup: '{}' is within the directory that is backed up; name one beside it",
                            directory);
  const std::unique_lock<std::timed_mutex> files = TRY(take_files(stop));
  auto progress = std::make_shared<ByteProgress>();
  const auto publish = [this](std::shared_ptr<ByteProgress> what) {
    std::lock_guard lock(mutex_);
    backup_ = std::move(what);
  };
  publish(progress);
  const auto run = [&]() -> Result<BackupReport> {
    const std::unique_ptr<BackupWriter> writer = TRY(BackupWriter::begin(engine_->fs, directory));
    const BackupManifest manifest = TRY(BackupRun(*this, *writer, stop, *progress).run());
    return BackupReport{to_info(manifest), writer->copied_bytes(), 0};
  };
  Result<BackupReport> report = run();
  publish(nullptr);
  if (!report.ok()) return report;
  report->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  log_info("backup made", {{"directory", directory},
                           {"number", report->backup.number},
                           {"bytes", report->backup.bytes},
                           {"copied_bytes", report->copied_bytes},
                           {"seconds", report->seconds}});
  return report;
}

/// For as long as the lock is held no backup or purge is under way.
Result<std::unique_lock<std::timed_mutex>> LocalDatabase::take_files(const Stop& stop) {
  std::unique_lock<std::timed_mutex> lock(files_mutex_, std::defer_lock);
  while (!lock.try_lock_for(kPoll)) TRY(stop.check());
  return lock;
}

std::optional<BackupProgress> LocalDatabase::backup_progress() const {
  std::lock_guard lock(mutex_);
  if (backup_ == nullptr) return std::nullopt;
  return BackupProgress{backup_->done, backup_->total};
}

}  // namespace kith
