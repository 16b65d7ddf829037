#include "storage/kv/rocksdb_files.h"

#include <rocksdb/metadata.h>
#include <rocksdb/options.h>
#include <rocksdb/transaction_log.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "base/bytes.h"
#include "storage/kv/rocksdb_disk.h"
#include "storage/kv/rocksdb_marks.h"

namespace kith {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(5);
constexpr int kAttempts = 3;
constexpr const char* kChecksum = "FileChecksumCrc32c";

/// Some calls put one before names, others do not.
std::string with_slash(const std::string& name) {
  return name.starts_with('/') ? name : '/' + name;
}

/// Files stay until it is gone.
class KeepFiles {
 public:
  explicit KeepFiles(rocksdb::DB& db) : db_(db) {}
  ~KeepFiles() {
    if (kept_) db_.EnableFileDeletions(/*force=*/false).PermitUncheckedError();
  }
  KeepFiles(const KeepFiles&) = delete;
  KeepFiles& operator=(const KeepFiles&) = delete;
  rocksdb::Status begin() {
    const auto status = db_.DisableFileDeletions();
    kept_ = status.ok();
    return status;
  }

 private:
  rocksdb::DB& db_;
  bool kept_ = false;
};

KvFile to_kv_file(const rocksdb::LiveFileStorageInfo& info) {
  KvFile file;
  file.name = info.relative_filename.substr(info.relative_filename.starts_with('/') ? 1 : 0);
  file.bytes = info.size;
  if (!info.replacement_contents.empty()) file.content = info.replacement_contents;
  if (info.file_checksum_func_name == kChecksum && info.file_checksum.size() == sizeof(uint32_t))
    file.crc = __builtin_bswap32(load_le<uint32_t>(info.file_checksum.data()));  // big-endian
  return file;
}

/// Cancels a manual compaction when the caller no longer wants it.
class StopWatch {
 public:
  explicit StopWatch(const Stop& stop)
      : thread_([this, &stop](const std::stop_token& ended) {
          while (!ended.stop_requested() && stop.check().ok()) std::this_thread::sleep_for(kPoll);
          cancelled_ = !ended.stop_requested();
        }) {}
  std::atomic<bool>* cancelled() { return &cancelled_; }

 private:
  std::atomic<bool> cancelled_{false};
  std::jthread thread_;  // last
};

class Purge {
 public:
  Purge(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
        const RocksPoison& poison, KvTable table, std::string_view begin, std::string_view end,
        const Stop& stop)
      : db_(db),
        families_(families),
        family_(families[static_cast<size_t>(table)]),
        directory_(directory),
        poison_(poison),
        blobs_(db.GetOptions(family_).enable_blob_files),
        begin_(begin),
        end_(end),
        stop_(stop) {}

  Result<void> run() {
    TRY(wait_for_snapshots());
    std::set<std::string> old = TRY(logs());
    TRY(flush());
    const std::set<std::string> tables = files();
    for (int attempt = 0; attempt < kAttempts && any_live(tables); ++attempt) TRY(compact());
    if (any_live(tables)) return unavailable("store '{}': files were not rewritten; try again", directory_);
    old.insert(tables.begin(), tables.end());
    return wait_until_gone(old);
  }

 private:
  Result<void> flush() {
    const auto entered = TRY(poison_.enter());
    const auto status = rocks_guarded([&] { return db_.Flush(rocksdb::FlushOptions(), families_); });
    if (!status.ok()) return rocks_call_error(directory_, "a flush", status);
    fit_blob_files(db_, families_, 0);
    return {};
  }

  /// A snapshot from before sees what was erased since, so compactions keep it.
  Result<void> wait_for_snapshots() {
    const uint64_t now = db_.GetLatestSequenceNumber();
    uint64_t oldest = 0;
    while (db_.GetIntProperty(rocksdb::DB::Properties::kOldestSnapshotSequence, &oldest) && oldest != 0 &&
           oldest < now) {
      TRY(stop_.check());
      std::this_thread::sleep_for(kPoll);
    }
    return {};
  }

  /// Those that may hold a value. One with a mark alone stays until there is something to flush.
  Result<std::set<std::string>> logs() {
    rocksdb::VectorLogPtr found;
    const auto status = rocks_guarded([&] { return db_.GetSortedWalFiles(found); });
    if (!status.ok()) return rocks_read_error(directory_, status);
    std::set<std::string> names;
    for (const auto& log : found)
      if (log->SizeFileBytes() > kMarkLogBytes) names.insert(with_slash(log->PathName()));
    return names;
  }

  /// Those that may hold a value of the range. A blob file may belong to tables all over the keys.
  std::set<std::string> files() {
    rocksdb::ColumnFamilyMetaData family;
    db_.GetColumnFamilyMetaData(family_, &family);
    std::set<std::string> names;
    for (const auto& level : family.levels)
      for (const auto& file : level.files)
        if (blobs_ || (file.largestkey >= begin_ && file.smallestkey < end_))
          names.insert(with_slash(file.relative_filename));
    for (const auto& blob : family.blob_files) names.insert(with_slash(blob.blob_file_name));
    return names;
  }

  bool any_live(const std::set<std::string>& names) {
    const std::set<std::string> now = files();
    return std::ranges::any_of(names, [&](const std::string& name) { return now.contains(name); });
  }

  Result<void> compact() {
    TRY(stop_.check());
    const auto entered = TRY(poison_.enter());
    StopWatch watch(stop_);
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction =
        true;  // none that began before may carry an old value past this one
    options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    options.blob_garbage_collection_policy = rocksdb::BlobGarbageCollectionPolicy::kForce;
    options.blob_garbage_collection_age_cutoff = 1.0;
    options.canceled = watch.cancelled();
    const rocksdb::Slice first = rocks_slice(begin_), last = rocks_slice(end_);
    const auto status = rocks_guarded([&] {
      return blobs_ ? db_.CompactRange(options, family_, nullptr, nullptr)
                    : db_.CompactRange(options, family_, &first, &last);
    });
    TRY(stop_.check());
    if (!status.ok()) return rocks_call_error(directory_, "a compaction", status);
    return {};
  }

  /// Whoever still reads a file that no version has, or copies it, keeps it a little longer.
  Result<void> wait_until_gone(const std::set<std::string>& names) {
    for (const std::string& name : names) {
      while (db_.GetEnv()->FileExists(directory_ + name).ok()) {
        TRY(stop_.check());
        std::this_thread::sleep_for(kPoll);
      }
    }
    return {};
  }

  rocksdb::DB& db_;
  const RocksFamilies& families_;
  rocksdb::ColumnFamilyHandle* const family_;
  const std::string& directory_;
  const RocksPoison& poison_;
  const bool blobs_;
  const std::string begin_, end_;
  const Stop& stop_;
};

}  // namespace

Result<void> hold_rocksdb_files(rocksdb::DB& db, const std::string& directory, const RocksPoison& poison,
                                const std::function<Result<void>(std::span<const KvFile>)>& use) {
  KeepFiles keep(db);
  std::vector<rocksdb::LiveFileStorageInfo> infos;
  rocksdb::LiveFilesStorageInfoOptions options;
  options.include_checksum_info = true;
  auto entered = poison.enter();
  options.wal_size_for_flush = entered.ok() ? 0 : UINT64_MAX;
  const auto status = rocks_guarded([&] {
    const auto kept = keep.begin();
    return kept.ok() ? db.GetLiveFilesStorageInfo(options, &infos) : kept;
  });
  if (entered.ok()) entered->unlock();
  if (!status.ok()) return rocks_call_error(directory, "listing files", status);
  std::vector<KvFile> files;
  for (const auto& info : infos) files.push_back(to_kv_file(info));
  return use(files);
}

Result<void> purge_rocksdb_files(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                                 const RocksPoison& poison, KvTable table, std::string_view begin,
                                 std::string_view end, const Stop& stop) {
  return Purge(db, families, directory, poison, table, begin, end, stop).run();
}

}  // namespace kith
