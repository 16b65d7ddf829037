// Repair of directories, see query/repair.h.
#include "query/repair.h"

#include "base/bytes.h"
#include "query/collection/catalog.h"
#include "query/collection/engine.h"
#include "query/collection/salvage.h"
#include "query/collection/staged_directory.h"
#include "storage/backup/backup_directory.h"
#include "storage/checkpoint/checkpoint_directory.h"
#include "storage/kv/rocksdb_salvage.h"

namespace kith {
namespace {

FileSystem& files_of(const OfflineOptions& options) {
  return options.fs != nullptr ? *options.fs : posix_file_system();
}

Result<std::unique_ptr<FileLock>> lock_directory(FileSystem& fs, const std::string& directory) {
  if (!TRY(fs.exists(directory + "/store")))
    return not_found("'{}' holds no Kith data: there is no directory 'store' in it", directory);
  return fs.lock(directory + "/LOCK");
}

DatabaseOptions open_options(FileSystem& fs) {
  DatabaseOptions options;
  options.fs = &fs;
  options.checkpoints.at_close = false;
  return options;
}

/// Those that are damaged.
Result<void> drop_checkpoints(FileSystem& fs, const std::string& directory, RepairReport& report) {
  const std::string all = directory + "/checkpoints";
  if (!TRY(fs.exists(all))) return {};
  for (const std::string& name : TRY(fs.list(all))) {
    if (!is_backup_number(name) || name.size() > 9) continue;  // none of ours
    const auto number = static_cast<CollectionNumber>(std::stoul(name));
    CheckpointDirectory checkpoint(fs, checkpoint_path(directory, number), number);
    Result<void> sound = checkpoint.open();
    if (sound.ok())
      if (auto read = checkpoint.verify(); !read.ok()) sound = read.error();
    if (sound.ok()) continue;
    if (sound.error().code != Code::kCorruption && sound.error().code != Code::kFailedPrecondition)
      return sound.error();  // a passing one
    TRY(checkpoint.remove());
    report.dropped.push_back(fmt::format("collection {}: {}", number, sound.error().message));
  }
  return {};
}

/// A collection's number, or the end of those that were ever given.
Result<CollectionNumber> numbers_end(const KvSnapshot& view, SalvageReport& report) {
  const auto next = view.get(KvTable::kRecords, next_collection_key());
  if (next.ok() && next->has_value() && (*next)->size() == sizeof(CollectionNumber))
    return load_le<CollectionNumber>((*next)->data());
  CollectionNumber end = 1;  // as far as a walk leads
  const KeyRange range = catalog_range();
  const auto at = view.iterate(KvTable::kRecords, range.begin, range.end);
  for (; at->valid(); at->next())
    if (const auto number = collection_of_catalog_key(at->key()); number.ok())
      end = std::max(end, *number + 1);
  report.remarks.emplace_back("the list of collections is damaged: some may be missing");
  return end;
}

Result<void> salvage_one(const KvSnapshot& view, CollectionNumber number, Database& target, uint64_t now_ms,
                         const Stop& stop, SalvageReport& report) {
  const auto value = view.get(KvTable::kRecords, catalog_key(number));
  if (value.ok() && !value->has_value()) return {};
  const auto record = value.ok() ? parse_catalog_record(**value) : Result<CatalogRecord>(value.error());
  if (record.ok() && record->state == CollectionState::kDropping) return {};
  if (!record.ok()) {
    SalvagedCollection lost;
    lost.name = fmt::format("#{}", number);
    lost.error = record.error().message;
    report.collections.push_back(std::move(lost));
    return {};
  }
  const auto made = TRY(target.create_collection(record->name, record->schema));
  SalvagedCollection salvaged = TRY(salvage_collection(view, number, record->schema, *made, now_ms, stop));
  salvaged.name = record->name;
  if (!salvaged.complete)
    report.remarks.push_back(
        fmt::format("collection '{}': what lists its points is damaged too: more may be lost than is said",
                    record->name));
  if (record->memory_bytes_max != 0) TRY(target.limit_memory(record->name, record->memory_bytes_max));
  if (record->recall_target != 0) TRY(target.set_recall_target(record->name, record->recall_target));
  report.collections.push_back(std::move(salvaged));
  return {};
}

}  // namespace

Result<RepairReport> repair_directory(const std::string& directory, const OfflineOptions& options) {
  FileSystem& fs = files_of(options);
  RepairReport report;
  {
    const std::unique_ptr<FileLock> lock = TRY(lock_directory(fs, directory));
    TRY(drop_checkpoints(fs, directory, report));
  }
  DatabaseOptions how = open_options(fs);
  how.create_if_missing = false;
  const Result<std::unique_ptr<Database>> opened = Database::open(directory, how);
  if (!opened.ok()) {
    if (opened.error().code != Code::kCorruption && opened.error().code != Code::kFailedPrecondition)
      return opened.error();
    report.problems.push_back("the directory does not open: " + opened.error().message);
    return report;
  }
  for (const std::string& name : (*opened)->collection_names())
    report.collections += (*opened)->collection(name).ok();
  VerifyReport verified = TRY((*opened)->verify("", options.stop));
  report.problems = std::move(verified.problems);
  return report;
}

Result<SalvageReport> salvage_directory(const std::string& from, const std::string& to,
                                        const OfflineOptions& options) {
  FileSystem& fs = files_of(options);
  const std::unique_ptr<FileLock> lock = TRY(lock_directory(fs, from));
  const std::unique_ptr<StagedDirectory> staged = TRY(StagedDirectory::begin(fs, to));
  const std::string scratch = staged->path() + "/salvage";
  SalvageReport report;
  {
    Salvage store = TRY(salvage_rocksdb_kv_store(from + "/store", scratch, fs));
    report.remarks = std::move(store.remarks);
    const DatabaseOptions how = open_options(fs);
    const std::unique_ptr<Database> target = TRY(Database::open(staged->path(), how));
    const auto now_ms = static_cast<uint64_t>(std::max<int64_t>(0, how.clock->wall_ms()));
    const CollectionNumber end = TRY(numbers_end(*store.view, report));
    for (CollectionNumber number = 1; number < end; ++number)
      TRY(salvage_one(*store.view, number, *target, now_ms, options.stop, report));
  }
  if (TRY(fs.exists(scratch))) TRY(remove_tree(fs, scratch));
  TRY(staged->commit());
  return report;
}

}  // namespace kith
