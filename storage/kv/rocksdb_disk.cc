#include "storage/kv/rocksdb_disk.h"

#include <rocksdb/options.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace kith {
namespace {

constexpr uint64_t kBlobFiles = 64;  // at most so many, and half of it at least
constexpr uint64_t kBlobFileMin = 1u << 20, kBlobFileMax = 256u << 20;
constexpr uint64_t kLogMin = 1u << 20;
constexpr uint64_t kLogPart = 32;      // of tables and blob files
constexpr uint64_t kWaitingMax = 8;    // tables that wait for a compaction; at 20 RocksDB slows writes down
constexpr uint64_t kGarbagePart = 32;  // of blob files
constexpr uint64_t kRenewedPerFlushed = 8;  // so four times what two flushes bring
constexpr double kRenewMost = 0.5;

using Properties = rocksdb::DB::Properties;

uint64_t number(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, const std::string& property) {
  uint64_t value = 0;
  return db.GetIntProperty(family, property, &value) ? value : 0;
}

uint64_t file_bytes(rocksdb::DB& db, const RocksFamilies& families) {
  uint64_t bytes = 0;
  for (rocksdb::ColumnFamilyHandle* family : families)
    bytes +=
        number(db, family, Properties::kLiveSstFilesSize) + number(db, family, Properties::kLiveBlobFileSize);
  return bytes;
}

/// For a compaction.
uint64_t tables_waiting(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family) {
  std::string text;
  uint64_t count = 0;
  if (db.GetProperty(family, Properties::kNumFilesAtLevelPrefix + "0", &text))
    std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

/// Live vectors, and dead ones that are known to be, in blob files.
uint64_t blob_bytes(rocksdb::DB& db, const RocksFamilies& families) {
  return number(db, families[static_cast<size_t>(KvTable::kVectors)], Properties::kLiveBlobFileSize);
}

/// Which part of the blob files, the oldest, a compaction is to write anew: none while there is little
/// garbage, and at most so many bytes for each that is flushed.
double part_to_renew(rocksdb::DB& db, const RocksFamilies& families, uint64_t unflushed) {
  const uint64_t bytes = blob_bytes(db, families);
  const uint64_t garbage =
      number(db, families[static_cast<size_t>(KvTable::kVectors)], Properties::kLiveBlobFileGarbageSize);
  if (bytes == 0 || garbage * kGarbagePart < bytes) return 0;
  return std::min(kRenewMost,
                  static_cast<double>(unflushed * kRenewedPerFlushed) / static_cast<double>(bytes));
}

}  // namespace

Result<void> trim_rocksdb(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                          const RocksPoison& poison) {
  const auto entered = TRY(poison.enter());
  // About as large as the log. That would have to be read: RocksDB says how large its files are once it has
  // seen how each begins, and one may be torn.
  uint64_t unflushed = 0, waiting = 0;
  for (rocksdb::ColumnFamilyHandle* family : families) {
    unflushed += number(db, family, Properties::kCurSizeAllMemTables);
    waiting = std::max(waiting, tables_waiting(db, family));
  }
  if (unflushed <= std::max(kLogMin, file_bytes(db, families) / kLogPart)) return {};
  // A flush would wait for compactions, which may wait for space.
  if (waiting > kWaitingMax || poison.compaction_lacks_space()) return {};
  fit_blob_files(db, families, unflushed);
  const auto status = rocks_guarded([&] { return db.Flush(rocksdb::FlushOptions(), families); });
  if (status.ok()) return {};
  return rocks_call_error(directory, "a flush", status);
}

void fit_blob_files(rocksdb::DB& db, const RocksFamilies& families, uint64_t unflushed) {
  rocksdb::ColumnFamilyHandle* const family = families[static_cast<size_t>(KvTable::kVectors)];
  const uint64_t part = blob_bytes(db, families) / kBlobFiles;
  const uint64_t bytes = std::clamp(std::bit_ceil(std::max<uint64_t>(part, 1)), kBlobFileMin, kBlobFileMax);
  const double renewed = part_to_renew(db, families, unflushed);
  const rocksdb::Options now = db.GetOptions(family);
  const double before = now.blob_garbage_collection_age_cutoff;
  // Each change is written to a file.
  if (now.blob_file_size == bytes && std::abs(renewed - before) <= renewed / 4) return;
  rocks_guarded([&] {
    return db.SetOptions(family, {{"blob_file_size", std::to_string(bytes)},
                                  {"blob_garbage_collection_age_cutoff", std::to_string(renewed)}});
  }).PermitUncheckedError();  // they are written down for people alone
}

}  // namespace kith
