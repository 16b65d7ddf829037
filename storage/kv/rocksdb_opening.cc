#include "storage/kv/rocksdb_opening.h"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include "storage/kv/rocksdb_file_system.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {
namespace {

rocksdb::DBOptions db_options(bool create_if_missing, rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  options.create_if_missing = create_if_missing;
  options.create_missing_column_families = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.max_bgerror_resume_count = 0;
  options.max_total_wal_size = 256u << 20;  // bounds what an open replays
  options.wal_bytes_per_sync = 1u << 20;    // spreads kProcess writes, so that the next sync is short
  options.bytes_per_sync = 1u << 20;
  options.max_open_files = 512;
  options.max_background_jobs = 2;             // one of them a flush: not more at a time (rocksdb_poison.cc)
  options.avoid_flush_during_shutdown = true;  // a store does so itself; what is past the log is nothing
  options.info_log = make_rocksdb_null_log();
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  // A checksum over each table and blob file as a whole: backups need not read what they link.
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  return options;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                            uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  table.checksum = rocksdb::kCRC32c;  // which rocksdb_table_check.cc can compute
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.level_compaction_dynamic_level_bytes = true;
  options.write_buffer_size = memtable_bytes / 2;
  options.max_write_buffer_number = 3;
  options.compression = rocksdb::kLZ4Compression;
  return options;
}

rocksdb::ColumnFamilyOptions vector_family_options(const std::shared_ptr<rocksdb::Cache>& cache,
                                                   uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options = family_options(cache, memtable_bytes);
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 4;
  options.compression = rocksdb::kNoCompression;
  options.enable_blob_files = true;
  options.min_blob_size = 128;
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_age_cutoff = 0;  // rocksdb_disk.h says
  options.blob_garbage_collection_force_threshold = 0.25;
  options.level0_file_num_compaction_trigger = 2;
  options.blob_compaction_readahead_size = 1u << 20;
  return options;
}

}  // namespace

RocksOpening::RocksOpening(const RocksKvOptions& options)
    : fs(*options.fs),
      cache(rocksdb::NewLRUCache(64u << 20)),
      space(std::make_shared<RocksSpace>(rocksdb_file_system(fs))),
      watch(std::make_shared<RocksWatch>(space)),
      env(&fs == &posix_file_system() ? rocksdb::NewCompositeEnv(watch) : make_restless_env(watch)),
      settings(db_options(options.create_if_missing, env.get())),
      descriptors({{rocksdb::kDefaultColumnFamilyName, family_options(cache, options.memtable_bytes)},
                   {"vectors", vector_family_options(cache, options.memtable_bytes)}}) {
  if (&fs == &posix_file_system()) return;
  settings.max_file_opening_threads = 1;  // nothing to wait for
}

Error rocks_open_error(const std::string& directory, const rocksdb::Status& status) {
  if (status.IsCorruption()) return rocks_read_error(directory, status);
  if (is_out_of_space(status))
    return resource_exhausted("store '{}': cannot open, the disk is full: {}", directory, status.ToString());
  return failed_precondition("store '{}': cannot open: {}", directory, status.ToString());
}

}  // namespace kith
