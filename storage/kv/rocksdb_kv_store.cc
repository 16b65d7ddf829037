// How RocksDB is used, and why:
// - Two column families (KvTable) share one write-ahead log, so a batch over both is atomic and thousands of
// small
//   collections cost nothing but their keys. Vectors go to blob files: compaction moves references, not
//   vectors.
// - The log is always on. A kPower write syncs it (fdatasync); RocksDB groups concurrent writers into one
// sync.
// - Recovery is point-in-time: a torn tail is the normal sign of a crash and ends the replay, so the
//   directory always opens; what follows the first damaged record of the log is never replayed, so there is
//   no hole. That the record was not a synced one is seen to before (rocksdb_marks.h).
// - RocksDB's own resumption after background errors is off: the first error poisons the store (kv_store.h).
//   When it was want of space, `recover` resumes (rocksdb_recovery.h): what is in memory is flushed to
//   tables, and a new log begun. A crash before all is flushed leaves a log that ends in half a record and is
//   not the last one, which check_durable cuts (rocksdb_marks.h): RocksDB refuses to open where a table is
//   ahead of such a log.
#include "storage/kv/rocksdb_kv_store.h"

#include <rocksdb/convenience.h>
#include <rocksdb/experimental.h>
#include <rocksdb/write_batch.h>

#include <optional>
#include <vector>

#include "base/planted.h"
#include "storage/kv/rocksdb_disk.h"
#include "storage/kv/rocksdb_file_system.h"
#include "storage/kv/rocksdb_files.h"
#include "storage/kv/rocksdb_opening.h"
#include "storage/kv/rocksdb_poison.h"
#include "storage/kv/rocksdb_recovery.h"
#include "storage/kv/rocksdb_snapshot.h"
#include "storage/kv/rocksdb_watch.h"

namespace kith {
namespace {

class RocksKvStore final : public KvStore {
 public:
  RocksKvStore(std::string directory, RocksOpening& opening, rocksdb::DB* db, RocksFamilies families);

  ~RocksKvStore() override {
    recovery_.reset();
    // What is in memory goes to tables, so that the next open has no log to replay; if it fails the log has
    // it all.
    if (poison_->check().ok()) {
      watch_->sync_logs().PermitUncheckedError();
      db_->Flush(rocksdb::FlushOptions(), families_).PermitUncheckedError();
      (void)write(KvBatch(), KvSurvives::kPower).ok();  // its mark vouches for all before it
    }
    for (auto* handle : families_) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  Result<void> write(const KvBatch& batch, KvSurvives survives) override {
    const auto entered = TRY(poison_->enter());
    rocksdb::WriteOptions options;
    options.sync = survives == KvSurvives::kPower && !planted("write-unsynced");
    options.no_slowdown = poison_->compaction_lacks_space();
    std::optional<rocksdb::WriteBatch> native;
    auto status = rocks_guarded([&] { return build(batch, native); });
    if (status.IsMemoryLimit())
      return resource_exhausted("store '{}': no memory for a write of {} bytes; send less at once",
                                directory_, batch.bytes());
    if (status.ok()) status = rocks_guarded([&] { return db_->Write(options, &*native); });
    if (status.ok()) return {};
    if (!status.IsIncomplete()) return poison_->set("a write", status);
    return resource_exhausted(
        "store '{}': the disk is full: there is no room to compact what was written, and no more can be "
        "taken before: free "
        "space",
        directory_);
  }

  Result<void> sync() override {
    const auto entered = TRY(poison_->enter());
    if (planted("store-never-syncs")) return {};
    const auto status = rocks_guarded([&]() -> rocksdb::Status { return watch_->sync_logs(); });
    if (!status.ok()) return poison_->set("a sync", status);
    return {};
  }

  std::shared_ptr<const KvSnapshot> snapshot() const override {
    return std::make_shared<RocksSnapshot>(*db_, families_, directory_);
  }

  Result<void> reclaim(KvTable table, std::string_view begin, std::string_view end) override {
    const auto entered = TRY(poison_->enter());
    const rocksdb::Slice first = rocks_slice(begin), last = rocks_slice(end);
    const rocksdb::RangePtr range(&first, &last);
    rocksdb::ColumnFamilyHandle* handle = families_[static_cast<size_t>(table)];
    auto status = rocks_guarded(
        [&] { return rocksdb::DeleteFilesInRanges(db_.get(), handle, &range, 1, /*include_end=*/false); });
    if (status.ok())
      status = rocks_guarded(
          [&] { return rocksdb::experimental::SuggestCompactRange(db_.get(), handle, &first, &last); });
    if (!status.ok()) return rocks_read_error(directory_, status);
    return {};
  }

  Result<void> trim() override { return trim_rocksdb(*db_, families_, directory_, *poison_); }
  Result<void> health() const override { return poison_->check(); }
  Result<void> recover() override;

  KvUsage usage() const override {
    uint64_t value = 0;
    const auto ask = [&](const std::string& property) {
      return db_->GetAggregatedIntProperty(property, &value) ? value : 0;
    };
    KvUsage usage;
    usage.unflushed_bytes = ask(rocksdb::DB::Properties::kCurSizeAllMemTables);
    usage.memory_bytes = ask(rocksdb::DB::Properties::kSizeAllMemTables) +
                         ask(rocksdb::DB::Properties::kEstimateTableReadersMem) + cache_->GetUsage();
    return usage;
  }

  Result<void> hold_files(const std::function<Result<void>(std::span<const KvFile>)>& use) override {
    const RocksWatch::Hold held(*watch_);
    return hold_rocksdb_files(*db_, directory_, *poison_, use);
  }
  Result<void> purge(KvTable table, std::string_view begin, std::string_view end, const Stop& stop) override {
    TRY(poison_->check());
    return purge_rocksdb_files(*db_, families_, directory_, *poison_, table, begin, end, stop);
  }

 private:
  rocksdb::Status build(const KvBatch& batch, std::optional<rocksdb::WriteBatch>& native) {
    native.emplace(batch.bytes() + batch.count() * 16 + 128);
    auto built = native->PutLogData(encode_mark(watch_->mark()));
    batch.for_each([&](const KvBatch::Change& change) {
      if (built.ok()) built = add(*native, change);
      if (planted("half-batch") && native->Count() == batch.count() / 2) {
        built = db_->Write(rocksdb::WriteOptions(), &*native);
        native->Clear();
      }
    });
    return built;
  }

  rocksdb::Status add(rocksdb::WriteBatch& native, const KvBatch::Change& change) {
    rocksdb::ColumnFamilyHandle* handle = families_[static_cast<size_t>(change.table)];
    const rocksdb::Slice key = rocks_slice(change.key);
    switch (change.kind) {
      case KvBatch::Kind::kPut: {
        const rocksdb::Slice parts[] = {rocks_slice(change.head), rocks_slice(change.body)};
        return native.Put(handle, rocksdb::SliceParts(&key, 1), rocksdb::SliceParts(parts, 2));
      }
      case KvBatch::Kind::kErase:
        return native.Delete(handle, key);
      case KvBatch::Kind::kEraseRange:
        return native.DeleteRange(handle, key, rocks_slice(change.head));
    }
    return rocksdb::Status::InvalidArgument("unknown change");
  }

  const std::string directory_;
  const std::shared_ptr<rocksdb::Cache> cache_;
  const std::shared_ptr<RocksWatch> watch_;
  const std::shared_ptr<RocksPoison> poison_;
  const std::unique_ptr<rocksdb::Env> env_;
  const std::unique_ptr<rocksdb::DB> db_;
  RocksFamilies families_;
  std::optional<RocksRecovery> recovery_;  // while the store lives
};

RocksKvStore::RocksKvStore(std::string directory, RocksOpening& opening, rocksdb::DB* db,
                           RocksFamilies families)
    : directory_(std::move(directory)),
      cache_(opening.cache),
      watch_(opening.watch),
      poison_(opening.poison),
      env_(std::move(opening.env)),
      db_(db),
      families_(std::move(families)) {
  poison_->attach(*db_);
  fit_blob_files(*db_, families_, 0);
  recovery_.emplace(opening, directory_, *db_, families_);
}

Result<void> RocksKvStore::recover() {
  if (poison_->out_of_space()) recovery_->run();
  return poison_->check();
}

}  // namespace

Result<std::unique_ptr<KvStore>> open_rocksdb_kv_store(const std::string& directory,
                                                       const RocksKvOptions& options) {
  RocksOpening opening(options);
  if (options.fs == &posix_file_system()) opening.settings.info_log = make_rocksdb_log(directory);
  opening.poison = std::make_shared<RocksPoison>(directory, opening.space);
  opening.settings.listeners.push_back(opening.poison);
  TRY(check_durable(*opening.watch, directory, TornTail::kCut));
  RocksFamilies families;
  rocksdb::DB* db = nullptr;
  const auto status = rocks_guarded(
      [&] { return rocksdb::DB::Open(opening.settings, directory, opening.descriptors, &families, &db); });
  if (!status.ok()) return rocks_open_error(directory, status);
  return {std::make_unique<RocksKvStore>(directory, opening, db, std::move(families))};
}

}  // namespace kith
