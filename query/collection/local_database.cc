#include "query/collection/local_database.h"

#include <chrono>

#include "base/bytes.h"
#include "base/log.h"
#include "base/planted.h"
#include "index/distance/distance.h"
#include "query/schema/limits.h"
#include "query/schema/validate.h"
#include "storage/kv/rocksdb_kv_store.h"

namespace kith {
namespace {

constexpr std::string_view kFormatMagic = "kith";

std::string number_value(uint32_t number) {
  std::string value(sizeof(number), '\0');
  store_le(value.data(), number);
  return value;
}

Result<uint32_t> parse_number(std::string_view value, std::string_view what) {
  ByteReader reader(as_bytes(value), what);
  const auto number = TRY(reader.number<uint32_t>());
  TRY(reader.finish());
  return number;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Result<std::unique_ptr<FileLock>> take_directory(FileSystem& fs, const std::string& directory,
                                                 bool create_if_missing) {
  const bool there = TRY(fs.exists(directory + "/store/CURRENT"));
  if (!there && !create_if_missing)
    return not_found("directory '{}' holds no Kith data; check the path, or let it be created", directory);
  TRY(make_durable_directories(fs, directory + "/store"));
  auto lock = fs.lock(directory + "/LOCK");
  if (!lock.ok() && lock.error().code == Code::kFailedPrecondition)
    return failed_precondition(
        "directory '{}' is open already ({}): one process at a time; ask that one over the network, or stop "
        "it",
        directory, lock.error().message);
  if (lock.ok()) TRY(fs.sync_directory(directory));
  return lock;
}

}  // namespace

Result<std::unique_ptr<Database>> Database::open(const std::string& directory,
                                                 const DatabaseOptions& options) {
  if (directory.empty()) return invalid_argument("directory: is empty; name one");
  FileSystem& fs = options.fs != nullptr ? *options.fs : posix_file_system();
  std::unique_ptr<FileLock> lock = TRY(take_directory(fs, directory, options.create_if_missing));
  std::unique_ptr<KvStore> store = TRY(
      open_rocksdb_kv_store(directory + "/store", {options.create_if_missing, options.memtable_bytes, &fs}));
  auto engine = std::make_shared<Engine>(fs, directory, std::move(lock), std::move(store),
                                         options.index_threads, options.async_window, *options.clock,
                                         EngineLimits{options.memory_bytes_max, options.disk_reserve_bytes});
  return LocalDatabase::open(std::move(engine), options.checkpoints, options.recall);
}

Result<std::unique_ptr<Database>> LocalDatabase::open(std::shared_ptr<Engine> engine,
                                                      const CheckpointPolicy& policy,
                                                      const RecallPolicy& recall) {
  const auto start = std::chrono::steady_clock::now();
  engine->calibration_queries = recall.queries;
  engine->calibration_duty = recall.duty;
  std::unique_ptr<LocalDatabase> database(new LocalDatabase(std::move(engine)));
  TRY(database->check_format());
  std::vector<Entry> entries;
  TRY(database->read_catalog(entries));
  database->open_collections(entries);
  for (Entry& entry : entries) {
    const std::string name = entry.record.name;
    if (!database->entries_.try_emplace(name, std::move(entry)).second)
      return corruption("directory '{}': two collections are named '{}'", database->engine_->directory, name);
  }
  log_info("directory opened", {{"directory", database->engine_->directory},
                                {"collections", database->entries_.size()},
                                {"kernels", cpu_level_name(cpu_level())},
                                {"seconds", seconds_since(start)}});
  const auto open_ones = [&raw = *database] { return raw.open_ones(); };
  database->housekeeper_ = std::make_unique<Housekeeper>(*database->engine_, open_ones);
  database->checkpointer_ = std::make_unique<Checkpointer>(policy, open_ones);
  database->recall_keeper_ = std::make_unique<RecallKeeper>(recall, open_ones);
  return std::unique_ptr<Database>(std::move(database));
}

std::vector<std::shared_ptr<LocalCollection>> LocalDatabase::open_ones() const {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<LocalCollection>> open;
  for (const auto& [name, entry] : entries_)
    if (entry.collection != nullptr) open.push_back(entry.collection);
  return open;
}

/// Writes the format of a new directory, refuses one of another version.
Result<void> LocalDatabase::check_format() {
  const auto view = engine_->store->snapshot();
  const std::optional<std::string> value = TRY(view->get(KvTable::kRecords, format_key()));
  if (!value.has_value()) {
    KvBatch batch;
    batch.put(KvTable::kRecords, format_key(), std::string(kFormatMagic) + number_value(kFormatVersion));
    batch.put(KvTable::kRecords, next_collection_key(), number_value(next_number_));
    return engine_->store->write(batch, KvSurvives::kPower);
  }
  if (!value->starts_with(kFormatMagic))
    return corruption("directory '{}': its format record does not start with '{}'", engine_->directory,
                      kFormatMagic);
  const uint32_t version =
      TRY(parse_number(std::string_view(*value).substr(kFormatMagic.size()), "format record"));
  if (version != kFormatVersion)
    return failed_precondition(
        "directory '{}' has format {}, this version of Kith reads {}; use one that reads it",
        engine_->directory, version, kFormatVersion);
  const std::optional<std::string> next = TRY(view->get(KvTable::kRecords, next_collection_key()));
  if (!next.has_value())
    return corruption("directory '{}': its next collection number is missing", engine_->directory);
  next_number_ = TRY(parse_number(*next, "next collection number"));
  return {};
}

/// Live collections, not opened yet; finishes drops that a crash cut short.
Result<void> LocalDatabase::read_catalog(std::vector<Entry>& entries) {
  for (CatalogedCollection& found : TRY(kith::read_catalog(*engine_->store->snapshot()))) {
    if (found.record.state == CollectionState::kDropping) {
      // It stays in the catalog as such, for the next open.
      if (const auto erased = erase_data(found.number); !erased.ok())
        log_error("a drop that was cut short cannot be finished: its data stays until the next open",
                  {{"collection", found.record.name}, {"error", erased.error().message}});
      continue;
    }
    Entry& entry = entries.emplace_back(Entry{found.number, std::move(found.record), nullptr, {}});
    if (!found.broken.empty()) quarantine(entry, found.broken);
  }
  return {};
}

void LocalDatabase::open_collections(std::vector<Entry>& entries) {
  engine_->pool.parallel_for(entries.size(), 1, [&](size_t i) {
    Entry& entry = entries[i];
    if (!entry.broken.empty()) return;
    const auto start = std::chrono::steady_clock::now();
    auto opened = LocalCollection::open(engine_, entry.number, entry.record.name, entry.record.schema);
    if (!opened.ok()) return quarantine(entry, opened.error().message);
    entry.collection = std::move(*opened);
    entry.collection->limit_memory(entry.record.memory_bytes_max);
    entry.collection->set_recall_target(entry.record.recall_target);
    const CollectionInfo info = entry.collection->info();
    log_info("collection opened", {{"collection", info.name},
                                   {"points", info.points},
                                   {"sequence", info.sequence},
                                   {"seconds", seconds_since(start)}});
  });
}

void LocalDatabase::quarantine(Entry& entry, std::string why) const {
  entry.broken = std::move(why);
  log_error("collection is quarantined: its calls return corruption, others serve",
            {{"directory", engine_->directory}, {"collection", entry.record.name}, {"error", entry.broken}});
}

Result<std::shared_ptr<Collection>> LocalDatabase::create_collection(const std::string& name,
                                                                     const Schema& schema) {
  TRY(validate_name("collection", name));
  TRY(validate_schema(schema));
  std::lock_guard ddl(ddl_mutex_);
  {
    std::lock_guard lock(mutex_);
    if (entries_.contains(name))
      return already_exists("collection '{}' exists already; drop it or take another name", name);
    if (!limits::kCollections.allows(entries_.size() + 1))
      return resource_exhausted("there are {} collections already, the most that a directory holds",
                                entries_.size());
  }
  if (next_number_ == UINT32_MAX)
    return resource_exhausted("collection numbers are used up; start a new directory");
  const CollectionNumber number = next_number_;
  Entry entry{number, {CollectionState::kLive, name, schema, 0, 0}, nullptr, {}};
  entry.collection = TRY(LocalCollection::open(engine_, number, name, schema));
  KvBatch batch;
  batch.put(KvTable::kRecords, catalog_key(number), encode_catalog_record(entry.record));
  if (!planted("number-reused"))
    batch.put(KvTable::kRecords, next_collection_key(), number_value(number + 1));
  TRY(engine_->store->write(batch, planted("create-unsynced") ? KvSurvives::kProcess : KvSurvives::kPower));
  next_number_ = number + 1;
  std::shared_ptr<Collection> created = entry.collection;
  std::lock_guard lock(mutex_);
  entries_.emplace(name, std::move(entry));
  return created;
}

Result<void> LocalDatabase::limit_memory(const std::string& name, uint64_t bytes_max) {
  TRY(limits::kMemoryBytesMax.check("memory_bytes_max", bytes_max));
  return change_record(name, [&](CatalogRecord& record) { record.memory_bytes_max = bytes_max; });
}

Result<void> LocalDatabase::set_recall_target(const std::string& name, double target) {
  if (target != 0) TRY(validate_recall_target(target));
  return change_record(name, [&](CatalogRecord& record) { record.recall_target = target; });
}

/// Of an open collection, which follows at once.
Result<void> LocalDatabase::change_record(const std::string& name,
                                          const std::function<void(CatalogRecord&)>& change) {
  std::lock_guard ddl(ddl_mutex_);
  Entry entry = TRY(entry_of(name));
  if (entry.collection == nullptr) return quarantined(entry);
  change(entry.record);
  KvBatch batch;
  batch.put(KvTable::kRecords, catalog_key(entry.number), encode_catalog_record(entry.record));
  TRY(engine_->store->write(batch, KvSurvives::kPower));
  entry.collection->limit_memory(entry.record.memory_bytes_max);
  entry.collection->set_recall_target(entry.record.recall_target);
  std::lock_guard lock(mutex_);
  entries_.insert_or_assign(name, std::move(entry));
  return {};
}

Result<void> LocalDatabase::drop_collection(const std::string& name) {
  std::lock_guard ddl(ddl_mutex_);
  Entry entry = TRY(entry_of(name));
  entry.record.state = CollectionState::kDropping;
  KvBatch batch;
  batch.put(KvTable::kRecords, catalog_key(entry.number), encode_catalog_record(entry.record));
  if (!planted("drop-unmarked")) TRY(engine_->store->write(batch, KvSurvives::kPower));
  {
    std::lock_guard lock(mutex_);
    entries_.erase(name);
  }
  if (entry.collection != nullptr) entry.collection->mark_dropped();
  return erase_data(entry.number);
}

/// The catalog record goes last: while it is there, an open knows that work is left.
Result<void> LocalDatabase::erase_data(CollectionNumber number) {
  const KeyRange range = collection_range(number);
  KvBatch batch;
  batch.erase_range(KvTable::kRecords, range.begin, range.end);
  batch.erase_range(KvTable::kVectors, range.begin, range.end);
  TRY(engine_->store->write(batch, KvSurvives::kPower));
  TRY(engine_->store->reclaim(KvTable::kRecords, range.begin, range.end));
  TRY(engine_->store->reclaim(KvTable::kVectors, range.begin, range.end));
  TRY(CheckpointDirectory(engine_->fs, checkpoint_path(engine_->directory, number), number).remove());
  batch.clear();
  batch.erase(KvTable::kRecords, catalog_key(number));
  return engine_->store->write(batch, KvSurvives::kPower);
}

Result<LocalDatabase::Entry> LocalDatabase::entry_of(const std::string& name) const {
  std::lock_guard lock(mutex_);
  const auto found = entries_.find(name);
  if (found == entries_.end())
    return not_found("there is no collection '{}'", std::string_view(name).substr(0, limits::kNameBytes.max));
  return found->second;
}

Result<std::shared_ptr<Collection>> LocalDatabase::collection(const std::string& name) const {
  const Entry entry = TRY(entry_of(name));
  if (entry.collection != nullptr) return std::shared_ptr<Collection>(entry.collection);
  return quarantined(entry);
}

Error LocalDatabase::quarantined(const Entry& entry) {
  return corruption("collection '{}' is quarantined: {}; restore it from a backup, or drop it",
                    entry.record.name, entry.broken);
}

std::vector<std::string> LocalDatabase::collection_names() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

Result<VerifyReport> LocalDatabase::verify(const std::string& collection, const Stop& stop) const {
  if (collection.empty()) return verify_all(stop);
  const Entry entry = TRY(entry_of(collection));
  if (entry.collection != nullptr) return entry.collection->verify(stop);
  VerifyReport report;
  report.problems.push_back(fmt::format("quarantined: {}", entry.broken));
  return report;
}

Result<PurgeReceipt> LocalDatabase::compact(const std::string& collection, const Stop& stop) {
  const Entry entry = TRY(entry_of(collection));
  if (entry.collection == nullptr) return quarantined(entry);
  const std::unique_lock<std::timed_mutex> files = TRY(take_files(stop));
  const PurgeReceipt receipt = TRY(entry.collection->compact(stop));
  log_info("collection purged", {{"collection", collection},
                                 {"sequence", receipt.sequence},
                                 {"points_removed", receipt.points_removed},
                                 {"bytes_before", receipt.bytes_before},
                                 {"bytes_after", receipt.bytes_after},
                                 {"seconds", receipt.seconds}});
  return receipt;
}

}  // namespace kith
