// How RocksDB is used, and why:
// - Two column families (KvTable) share one write-ahead log, so a batch over both is atomic and thousands of
// small
//   collections cost nothing but their keys. Vectors go to blob files: compaction moves references, not
//   vectors.
// - The log is always on. A kPower write syncs it (fdatasync); RocksDB groups concurrent writers into one
// sync.
// - Recovery is point-in-time: a torn tail is the normal sign of a crash and ends the replay, so the
// directory always
//   opens; what follows the first damaged record of the log is never replayed, so there is no hole.
// - RocksDB's own resumption after background errors is off: the first error poisons the store (kv_store.h).
#include "storage/kv/rocksdb_kv_store.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/experimental.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <vector>

namespace kith {
namespace {

constexpr size_t kMultiGetChunk = 1024;  // bounds the memory that one multi_get pins

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}
std::string_view view(const rocksdb::Slice& text) {
  return {text.data(), text.size()};
}

bool is_out_of_space(const rocksdb::Status& status) {
  if (status.IsNoSpace() || status.subcode() == rocksdb::Status::kSpaceLimit) return true;
  const std::string text = status.ToString();  // EFBIG and EDQUOT have no subcode
  return text.find("File too large") != std::string::npos || text.find("quota exceeded") != std::string::npos;
}

Error read_error(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsCorruption())
    return corruption("store '{}': stored bytes are damaged: {}", directory, status.ToString());
  if (status.IsMemoryLimit()) return resource_exhausted("store '{}': {}", directory, status.ToString());
  return unavailable("store '{}': cannot read: {}", directory, status.ToString());
}

/// Runs a call into RocksDB; what it throws (only bad_alloc is known to happen) becomes a status.
template <typename Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return rocksdb::Status::MemoryLimit("out of memory");
  } catch (const std::exception& thrown) {
    return rocksdb::Status::Aborted(thrown.what());
  }
}

/// The first error that makes the store read-only. Shared with RocksDB's listener, which outlives the store
/// object.
class Poison {
 public:
  explicit Poison(std::string directory) : directory_(std::move(directory)) {}

  Result<void> check() const {
    if (!set_.load(std::memory_order_acquire)) return {};
    std::lock_guard lock(mutex_);
    return error_;
  }

  Result<void> set(const char* what, const rocksdb::Status& status) {
    std::lock_guard lock(mutex_);
    if (error_.ok()) {
      const bool full = is_out_of_space(status) || status.IsMemoryLimit();
      error_ = make_error(
          full ? Code::kResourceExhausted : Code::kFailedPrecondition,
          "store '{}' is read-only since {} failed ({}); acknowledged writes are safe and reads go on: {} "
          "and restart",
          directory_, what, status.ToString(), full ? "free space" : "check the device");
      set_.store(true, std::memory_order_release);
    }
    return error_;
  }

 private:
  const std::string directory_;
  std::atomic<bool> set_{false};
  mutable std::mutex mutex_;
  Result<void> error_;  // guarded by mutex_
};

class PoisonListener final : public rocksdb::EventListener {
 public:
  explicit PoisonListener(std::shared_ptr<Poison> poison) : poison_(std::move(poison)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    (void)poison_->set("background work", *status);
  }
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }

 private:
  std::shared_ptr<Poison> poison_;
};

class RocksIterator final : public KvIterator {
 public:
  RocksIterator(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, rocksdb::ReadOptions options,
                const std::string& directory, std::string_view begin, std::string_view end)
      : directory_(directory), end_(end), end_slice_(slice(end_)) {
    options.iterate_upper_bound = &end_slice_;
    options.fill_cache = false;  // walks are long and read once
    it_.reset(db.NewIterator(options, family));
    it_->Seek(slice(begin));
  }

  bool valid() const override { return it_->Valid(); }
  std::string_view key() const override { return view(it_->key()); }
  std::string_view value() const override { return view(it_->value()); }
  void next() override { it_->Next(); }
  Result<void> status() const override {
    if (it_->status().ok()) return {};
    return read_error(directory_, it_->status());
  }

 private:
  const std::string& directory_;
  const std::string end_;
  const rocksdb::Slice end_slice_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

using Families = std::vector<rocksdb::ColumnFamilyHandle*>;

class RocksSnapshot final : public KvSnapshot {
 public:
  RocksSnapshot(rocksdb::DB& db, const Families& families, const std::string& directory)
      : db_(db), families_(families), directory_(directory), snapshot_(db.GetSnapshot()) {}
  ~RocksSnapshot() override { db_.ReleaseSnapshot(snapshot_); }
  RocksSnapshot(const RocksSnapshot&) = delete;
  RocksSnapshot& operator=(const RocksSnapshot&) = delete;

  Result<std::optional<std::string>> get(KvTable table, std::string_view key) const override {
    std::string value;
    const auto status = guarded([&] { return db_.Get(options(), family(table), slice(key), &value); });
    if (status.IsNotFound()) return std::optional<std::string>{};
    if (!status.ok()) return read_error(directory_, status);
    return std::optional<std::string>(std::move(value));
  }

  Result<void> multi_get(KvTable table, std::span<const std::string> keys,
                         const std::function<void(size_t, std::string_view)>& found) const override {
    for (size_t from = 0; from < keys.size(); from += kMultiGetChunk)
      TRY(get_chunk(table, keys.subspan(from, std::min(kMultiGetChunk, keys.size() - from)), from, found));
    return {};
  }

  std::unique_ptr<KvIterator> iterate(KvTable table, std::string_view begin,
                                      std::string_view end) const override {
    return std::make_unique<RocksIterator>(db_, family(table), options(), directory_, begin, end);
  }

 private:
  rocksdb::ReadOptions options() const {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    return options;
  }
  rocksdb::ColumnFamilyHandle* family(KvTable table) const { return families_[static_cast<size_t>(table)]; }

  Result<void> get_chunk(KvTable table, std::span<const std::string> keys, size_t base,
                         const std::function<void(size_t, std::string_view)>& found) const {
    std::vector<rocksdb::Slice> slices(keys.begin(), keys.end());
    std::vector<rocksdb::PinnableSlice> values(keys.size());
    std::vector<rocksdb::Status> statuses(keys.size());
    const auto thrown = guarded([&] {
      db_.MultiGet(options(), family(table), slices.size(), slices.data(), values.data(), statuses.data());
      return rocksdb::Status::OK();
    });
    if (!thrown.ok()) return read_error(directory_, thrown);
    for (size_t i = 0; i < keys.size(); ++i) {
      if (statuses[i].IsNotFound()) continue;
      if (!statuses[i].ok()) return read_error(directory_, statuses[i]);
      found(base + i, view(values[i]));
    }
    return {};
  }

  rocksdb::DB& db_;
  const Families& families_;
  const std::string& directory_;
  const rocksdb::Snapshot* snapshot_;
};

class RocksKvStore final : public KvStore {
 public:
  RocksKvStore(std::string directory, std::shared_ptr<Poison> poison, rocksdb::DB* db, Families families)
      : directory_(std::move(directory)),
        poison_(std::move(poison)),
        db_(db),
        families_(std::move(families)) {}

  ~RocksKvStore() override {
    if (poison_->check().ok()) db_->SyncWAL().PermitUncheckedError();
    for (auto* handle : families_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    TRY(poison_->check());
    rocksdb::WriteOptions options;
    options.sync = survives == KvSurvives::kPower;
    const auto status = guarded([&] {
      rocksdb::WriteBatch native(batch.bytes() + batch.count() * 16 + 64);
      auto built = rocksdb::Status::OK();
      batch.for_each([&](const KvBatch::Change& change) {
        if (built.ok()) built = add(native, change);
      });
      return built.ok() ? db_->Write(options, &native) : built;
    });
    if (!status.ok()) return poison_->set("a write", status);
    return {};
  }

  Result<void> sync() override {
    TRY(poison_->check());
    const auto status = guarded([&] { return db_->SyncWAL(); });
    if (!status.ok()) return poison_->set("a sync", status);
    return {};
  }

  std::shared_ptr<const KvSnapshot> snapshot() const override {
    return std::make_shared<RocksSnapshot>(*db_, families_, directory_);
  }

  Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) override {
    TRY(poison_->check());
    const rocksdb::Slice first = slice(begin), last = slice(end);
    const rocksdb::RangePtr range(&first, &last);
    rocksdb::ColumnFamilyHandle* handle = families_[static_cast<size_t>(table)];
    auto status = guarded(
        [&] { return rocksdb::DeleteFilesInRanges(db_.get(), handle, &range, 1, /*include_end=*/false); });
    if (status.ok())
      status = guarded(
          [&] { return rocksdb::experimental::SuggestCompactRange(db_.get(), handle, &first, &last); });
    if (!status.ok()) return read_error(directory_, status);
    return {};
  }

  Result<void> health() const override { return poison_->check(); }

 private:
  rocksdb::Status add(rocksdb::WriteBatch& native, const KvBatch::Change& change) {
    rocksdb::ColumnFamilyHandle* handle = families_[static_cast<size_t>(change.table)];
    const rocksdb::Slice key = slice(change.key);
    switch (change.kind) {
      case KvBatch::Kind::kPut: {
        const rocksdb::Slice parts[] = {slice(change.head), slice(change.body)};
        return native.Put(handle, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(parts, 2));
      }
      case KvBatch::Kind::kErase:
        return native.Delete(handle, key);
      case KvBatch::Kind::kEraseRange:
        return native.DeleteRange(handle, key, slice(change.head));
    }
    return rocksdb::Status::InvalidArgument("unknown change");
  }

  const std::string directory_;
  const std::shared_ptr<Poison> poison_;
  const std::unique_ptr<rocksdb::DB> db_;
  Families families_;
};

rocksdb::DBOptions db_options(bool create_if_missing, std::shared_ptr<Poison> poison) {
  rocksdb::DBOptions options;
  options.create_if_missing = create_if_missing;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.max_bgerror_resume_count = 0;
  options.max_total_wal_size = 256u << 20;  // bounds what an open replays
  options.wal_bytes_per_sync = 1u << 20;    // spreads kProcess writes, so that the next sync is short
  options.bytes_per_sync = 1u << 20;
  options.max_open_files = 512;
  options.max_background_jobs = 2;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 2;
  options.max_log_file_size = 4u << 20;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.listeners.push_back(std::make_shared<PoisonListener>(std::move(poison)));
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.level_compaction_dynamic_level_bytes = true;
  options.write_buffer_size = 32u << 20;
  options.max_write_buffer_number = 3;
  options.compression = rocksdb::kLZ4Compression;
  return options;
}

rocksdb::ColumnFamilyOptions vector_family_options(const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions options = family_options(cache);
  options.write_buffer_size = 64u << 20;
  options.max_write_buffer_number = 4;
  options.compression = rocksdb::kNoCompression;
  options.enable_blob_files = true;
  options.min_blob_size = 128;
  options.blob_file_size = 256u << 20;
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_force_threshold = 0.5;
  options.blob_compaction_readahead_size = 1u << 20;
  return options;
}

}  // namespace

Result<std::unique_ptr<KvStore>> open_rocksdb_kv_store(const std::string& directory, bool create_if_missing) {
  auto poison = std::make_shared<Poison>(directory);
  auto cache = rocksdb::NewLRUCache(64u << 20);
  const std::vector<rocksdb::ColumnFamilyDescriptor> descriptors = {
      {rocksdb::kDefaultColumnFamilyName, family_options(cache)}, {"vectors", vector_family_options(cache)}};
  Families families;
  rocksdb::DB* db = nullptr;
  const auto status = guarded([&] {
    return rocksdb::DB::Open(db_options(create_if_missing, poison), directory, descriptors, &families, &db);
  });
  if (status.ok())
    return {std::make_unique<RocksKvStore>(directory, std::move(poison), db, std::move(families))};
  if (status.IsCorruption()) return read_error(directory, status);
  if (is_out_of_space(status))
    return resource_exhausted("store '{}': cannot open, the disk is full: {}", directory, status.ToString());
  return failed_precondition("store '{}': cannot open: {}", directory, status.ToString());
}

}  // namespace kith
