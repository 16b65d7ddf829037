#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/options_util.h>
#include <rocksdb/write_batch.h>

#include <vector>

#include "bench/rivals/rival_store.h"

namespace kith::bench {
namespace {

class RocksdbRival final : public RivalStore {
 public:
  RocksdbRival(rocksdb::DB* db, std::vector<rocksdb::ColumnFamilyHandle*> families)
      : db_(db), families_(std::move(families)) {}

  ~RocksdbRival() override {
    for (rocksdb::ColumnFamilyHandle* family : families_)
      db_->DestroyColumnFamilyHandle(family).PermitUncheckedError();
    db_->Close().PermitUncheckedError();
  }

  std::string write(std::span<const StoreChange> batch) override {
    rocksdb::WriteBatch native;
    for (const StoreChange& change : batch) {
      rocksdb::ColumnFamilyHandle* const family = families_.at(change.table);
      const rocksdb::Status added =
          change.erase ? native.Delete(family, change.key) : native.Put(family, change.key, change.value);
      if (!added.ok()) return added.ToString();
    }
    rocksdb::WriteOptions options;
    options.sync = true;
    const rocksdb::Status written = db_->Write(options, &native);
    return written.ok() ? std::string() : written.ToString();
  }

 private:
  const std::unique_ptr<rocksdb::DB> db_;
  const std::vector<rocksdb::ColumnFamilyHandle*> families_;
};

}  // namespace

RivalStore* kith_new_rocksdb(const char* options_of, const char* directory, std::string* error) {
  rocksdb::DBOptions options;
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  auto cache = rocksdb::NewLRUCache(64u << 20);
  rocksdb::Status status =
      rocksdb::LoadLatestOptions(rocksdb::ConfigOptions(), options_of, &options, &descriptors, &cache);
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  if (status.ok()) status = rocksdb::DB::Open(options, directory, descriptors, &families, &db);
  if (status.ok()) return new RocksdbRival(db, std::move(families));
  *error = "RocksDB: " + status.ToString();
  return nullptr;
}

}  // namespace kith::bench
