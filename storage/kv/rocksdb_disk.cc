#include "storage/kv/rocksdb_disk.h"

#include <rocksdb/options.h>

#include <algorithm>
#include <bit>

namespace kith {
namespace {

constexpr uint64_t kBlobFiles = 64;  // at most so many, and half of it at least
constexpr uint64_t kBlobFileMin = 1u << 20, kBlobFileMax = 256u << 20;
constexpr uint64_t kLogMin = 1u << 20;
constexpr uint64_t kLogPart = 32;  // of tables and blob files

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

}  // namespace

Result<void> trim_rocksdb(rocksdb::DB& db, const RocksFamilies& families, const std::string& directory,
                          const RocksPoison& poison) {
  const auto entered = TRY(poison.enter());
  fit_blob_files(db, families);
  // About as large as the log. That would have to be read: RocksDB says how large its files are once it has
  // seen how each begins, and one may be torn.
  uint64_t unflushed = 0;
  for (rocksdb::ColumnFamilyHandle* family : families)
    unflushed += number(db, family, Properties::kCurSizeAllMemTables);
  if (unflushed <= std::max(kLogMin, file_bytes(db, families) / kLogPart)) return {};
  const auto status = rocks_guarded([&] { return db.Flush(rocksdb::FlushOptions(), families); });
  if (status.ok()) return {};
  return unavailable("store '{}': making files of what is in memory failed: {}", directory,
                     status.ToString());
}

void fit_blob_files(rocksdb::DB& db, const RocksFamilies& families) {
  rocksdb::ColumnFamilyHandle* const family = families[static_cast<size_t>(KvTable::kVectors)];
  const uint64_t part = number(db, family, Properties::kLiveBlobFileSize) / kBlobFiles;
  const uint64_t bytes = std::clamp(std::bit_ceil(std::max<uint64_t>(part, 1)), kBlobFileMin, kBlobFileMax);
  if (db.GetOptions(family).blob_file_size == bytes) return;
  // Where it fails they stay as they were.
  rocks_guarded([&] {
    return db.SetOptions(family,
                         {{"blob_file_size", std::to_string(bytes)},
                          {"blob_garbage_collection_age_cutoff", bytes < kBlobFileMax ? "0.5" : "0.25"}});
  }).PermitUncheckedError();
}

}  // namespace kith
