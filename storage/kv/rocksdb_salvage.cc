#include "storage/kv/rocksdb_salvage.h"

#include <rocksdb/db.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include <iterator>
#include <map>
#include <mutex>

#include "base/bytes.h"
#include "base/io/file_copy.h"
#include "storage/kv/rocksdb_blob_scan.h"
#include "storage/kv/rocksdb_file_system.h"
#include "storage/kv/rocksdb_log_reader.h"
#include "storage/kv/rocksdb_opening.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {
namespace {

/// A database opened for reading alone, and one snapshot of it.
struct ReadOnly {
  ReadOnly(std::string name, std::unique_ptr<rocksdb::Env> its_env, rocksdb::DB* opened,
           RocksFamilies handles)
      : directory(std::move(name)), env(std::move(its_env)), db(opened), families(std::move(handles)) {
    snapshot = std::make_unique<RocksSnapshot>(*db, families, directory);
  }
  ~ReadOnly() {
    snapshot.reset();
    for (auto* handle : families) db->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  ReadOnly(const ReadOnly&) = delete;
  ReadOnly& operator=(const ReadOnly&) = delete;

  const std::string directory;
  const std::unique_ptr<rocksdb::Env> env;
  const std::unique_ptr<rocksdb::DB> db;
  const RocksFamilies families;
  std::unique_ptr<RocksSnapshot> snapshot;
};

RocksOpening read_opening(FileSystem& fs) {
  RocksOpening opening({.create_if_missing = false, .fs = &fs});
  opening.settings.create_missing_column_families = false;
  return opening;
}

/// Damage is for whoever reads it; an open takes what there is.
RocksOpening salvage_opening(FileSystem& fs) {
  RocksOpening opening = read_opening(fs);
  opening.settings.paranoid_checks = false;
  opening.settings.skip_checking_sst_file_sizes_on_db_open = true;
  opening.settings.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  return opening;
}

/// Tells records of logs that come again, of which RocksDB must not hear: where the library has assertions it
/// ends the process. Only those: what stands behind a record from further on is there nowhere else.
class Repeats {
 public:
  /// `batch` is a record, or its beginning.
  bool operator()(std::string_view batch) {
    if (batch.size() < sizeof(uint64_t) + sizeof(uint32_t)) return false;
    const auto begin = load_le<uint64_t>(batch.data());
    const auto count = load_le<uint32_t>(batch.data() + sizeof(begin));
    if (count == 0 || begin > UINT64_MAX - count) return false;
    auto after = seen_.upper_bound(begin);
    const auto before = after == seen_.begin() ? seen_.end() : std::prev(after);
    if (before != seen_.end() && begin < before->second) return true;
    if (after != seen_.end() && after->first < begin + count) return true;
    if (before != seen_.end() && before->second == begin) {
      before->second += count;
    } else {
      seen_.emplace(begin, begin + count);
    }
    return false;
  }

 private:
  std::map<uint64_t, uint64_t> seen_;  // sequence numbers: from, to one past the last
};

class RepeatsFilter final : public rocksdb::WalFilter {
 public:
  WalProcessingOption LogRecordFound(unsigned long long /*log*/, const std::string& /*file*/,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch* /*instead*/,
                                     bool* /*changed*/) override {
    return repeats_(batch.Data()) ? WalProcessingOption::kIgnoreCurrentRecord
                                  : WalProcessingOption::kContinueProcessing;
  }
  const char* Name() const override { return "kith.repeats"; }

 private:
  Repeats repeats_;
};

Result<std::shared_ptr<const KvSnapshot>> open_for_reading(const std::string& directory,
                                                           RocksOpening opening) {
  RocksFamilies families;
  rocksdb::DB* db = nullptr;
  const auto status = rocks_guarded([&] {
    return rocksdb::DB::OpenForReadOnly(opening.settings, directory, opening.descriptors, &families, &db);
  });
  if (!status.ok()) return rocks_open_error(directory, status);
  auto store = std::make_shared<ReadOnly>(directory, std::move(opening.env), db, std::move(families));
  return {std::shared_ptr<const KvSnapshot>(store, store->snapshot.get())};
}

Result<std::shared_ptr<const KvSnapshot>> open_for_salvage(const std::string& directory, FileSystem& fs) {
  RepeatsFilter filter;
  RocksOpening opening = salvage_opening(fs);
  opening.settings.wal_filter = &filter;  // while it opens
  return open_for_reading(directory, std::move(opening));
}

/// A log to where a record of it comes again, if one does: the repair of RocksDB has no filter.
Result<uint64_t> bytes_without_repeats(FileSystem& fs, const std::string& path, uint64_t bytes) {
  Repeats repeats;
  bool any = false;
  const LogExtent extent = TRY(read_log(*rocksdb_file_system(fs), path, [&](std::string_view head) {
    const bool again = repeats(head);
    any = any || again;
    return !again;
  }));
  return any ? extent.whole : bytes;
}

/// What the store cannot give may still stand in a blob file.
class SalvagedView final : public KvSnapshot {
 public:
  SalvagedView(std::shared_ptr<const KvSnapshot> view, std::string directory, FileSystem& fs)
      : view_(std::move(view)), directory_(std::move(directory)), fs_(fs) {}

  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override {
    auto value = view_->get(table, key);
    if (value.ok() || table != KvTable::kVectors) return value;
    auto found = from_blobs(key);
    return found.ok() ? found : value;
  }
  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override {
    for (size_t i = 0; i < keys.size(); ++i) {
      const std::optional<std::string> value = TRY(get(table, keys[i]));
      if (value.has_value()) found(i, *value);
    }
    return {};
  }
  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override {
    return view_->iterate(table, begin, end);
  }

 private:
  Result<std::optional<std::string>> from_blobs(std::string_view key) const {
    std::lock_guard lock(mutex_);
    if (!scanned_.has_value()) scanned_ = TRY(scan_blob_files(fs_, directory_));
    const auto place = scanned_->find(std::string(key));
    if (place == scanned_->end()) return not_found("no blob file has this key");
    const std::unique_ptr<ReadableFile> file = TRY(fs_.open(place->second.path));
    std::string value(place->second.bytes, '\0');
    TRY(file->read(place->second.offset, std::as_writable_bytes(std::span(value))));
    return std::optional<std::string>(std::move(value));
  }

  const std::shared_ptr<const KvSnapshot> view_;
  const std::string directory_;
  FileSystem& fs_;
  mutable std::mutex mutex_;
  mutable std::optional<std::map<std::string, BlobPlace>> scanned_;  // guarded by mutex_
};

/// Another MANIFEST from the tables and logs themselves, in another directory.
Result<void> rebuild(const std::string& directory, const std::string& scratch, FileSystem& fs) {
  TRY(fs.make_directories(scratch));
  ByteProgress unseen;
  for (const std::string& name : TRY(fs.list(directory))) {
    const std::string from = directory + '/' + name, to = scratch + '/' + name;
    const bool table = name.ends_with(".sst");
    if (!table && !name.ends_with(".log")) continue;
    if (table && fs.link(from, to).ok()) continue;
    const std::unique_ptr<ReadableFile> file = TRY(fs.open(from));
    const uint64_t bytes = table ? file->size() : TRY(bytes_without_repeats(fs, from, file->size()));
    TRY(copy_file(fs, from, bytes, to, Stop{}, unseen));
  }
  const RocksOpening opening = salvage_opening(fs);
  const auto status =
      rocks_guarded([&] { return rocksdb::RepairDB(scratch, opening.settings, opening.descriptors); });
  if (!status.ok()) return rocks_open_error(directory, status);
  return {};
}

}  // namespace

Result<std::shared_ptr<const KvSnapshot>> read_rocksdb_kv_store(const std::string& directory,
                                                                FileSystem& fs) {
  RocksOpening opening = read_opening(fs);
  TRY(check_durable(*opening.watch, directory, TornTail::kLeave));
  return open_for_reading(directory, std::move(opening));
}

Result<Salvage> salvage_rocksdb_kv_store(const std::string& directory, const std::string& scratch,
                                         FileSystem& fs) {
  Salvage salvage;
  if (!TRY(fs.exists(directory))) return not_found("'{}' is not there", directory);
  if (auto durable = check_durable(*rocksdb_file_system(fs), directory, TornTail::kLeave); !durable.ok())
    salvage.remarks.push_back(durable.error().message);
  auto view = open_for_salvage(directory, fs);
  if (!view.ok()) {
    salvage.remarks.push_back(view.error().message);
    salvage.remarks.emplace_back(
        "which files make up the store was guessed: points that were removed may be back");
    TRY(rebuild(directory, scratch, fs));
    view = open_for_salvage(scratch, fs);
    if (!view.ok()) return view.error();
  }
  salvage.view = std::make_shared<SalvagedView>(std::move(*view), directory, fs);
  return salvage;
}

}  // namespace kith
