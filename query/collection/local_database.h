// LocalDatabase: a directory of collections over one KvStore. The catalog lives in the store; names never
// reach a path.
//
//   <directory>/LOCK      held while open, so that one process at a time has the directory
//   <directory>/store/    RocksDB
//   <directory>/checkpoints/<collection>/   what is derived from it (storage/checkpoint)
//
// Create: one synced batch with the catalog record and the next number. Drop: the record is first marked as
// dropping (synced: from then on the collection is gone, whatever happens), then the data is erased, then the
// record; an open that finds such a mark finishes the work. Numbers are never given twice, so nothing of a
// dropped collection can come back. A collection whose records do not decode is quarantined: its calls return
// Corruption, others serve, drop works.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/io/file_copy.h"
#include "query/collection/catalog.h"
#include "query/collection/checkpointer.h"
#include "query/collection/engine.h"
#include "query/collection/housekeeper.h"
#include "query/collection/local_collection.h"
#include "query/collection/recall_keeper.h"
#include "query/database.h"

namespace kith {

class LocalDatabase final : public Database {
 public:
  /// Opens what the engine's store holds, or prepares an empty one.
  static Result<std::unique_ptr<Database>> open(std::shared_ptr<Engine> engine,
                                                const CheckpointPolicy& policy,
                                                const RecallPolicy& recall = {});

  Result<std::shared_ptr<Collection>> create_collection(const std::string& name,
                                                        const Schema& schema) override;
  Result<void> drop_collection(const std::string& name) override;
  Result<void> limit_memory(const std::string& name, uint64_t bytes_max) override;
  Result<void> set_recall_target(const std::string& name, double target) override;
  Result<std::shared_ptr<Collection>> collection(const std::string& name) const override;
  std::vector<std::string> collection_names() const override;
  Result<VerifyReport> verify(const std::string& collection, const Stop& stop) const override;

  Result<PurgeReceipt> compact(const std::string& collection, const Stop& stop) override;

  // backup.cc
  Result<BackupReport> backup(const std::string& directory, const Stop& stop) override;
  std::optional<BackupProgress> backup_progress() const override;

 private:
  struct Entry {
    CollectionNumber number;
    CatalogRecord record;
    std::shared_ptr<LocalCollection> collection;  // null: quarantined
    std::string broken;                           // why
  };

  explicit LocalDatabase(std::shared_ptr<Engine> engine) : engine_(std::move(engine)) {}
  Result<void> check_format();
  Result<void> read_catalog(std::vector<Entry>& entries);
  void open_collections(std::vector<Entry>& entries);
  void quarantine(Entry& entry, std::string why) const;
  static Error quarantined(const Entry& entry);
  Result<void> erase_data(CollectionNumber number);
  Result<void> change_record(const std::string& name, const std::function<void(CatalogRecord&)>& change);
  Result<Entry> entry_of(const std::string& name) const;
  std::vector<std::shared_ptr<LocalCollection>> open_ones() const;

  // verify_all.cc
  Result<VerifyReport> verify_all(const Stop& stop) const;
  Result<void> verify_store(const Stop& stop, VerifyReport& report) const;
  Result<void> verify_reopened(std::span<const std::pair<CollectionNumber, uint64_t>> sequences,
                               VerifyReport& report) const;

  // backup.cc
  class BackupRun;
  Result<std::unique_lock<std::timed_mutex>> take_files(const Stop& stop);

  const std::shared_ptr<Engine> engine_;
  std::mutex ddl_mutex_;              // one create or drop at a time; held across IO
  CollectionNumber next_number_ = 1;  // guarded by ddl_mutex_

  std::timed_mutex files_mutex_;          // of a backup or a purge; held across all of its IO
  mutable std::mutex mutex_;              // never held across IO
  std::map<std::string, Entry> entries_;  // guarded by mutex_
  std::shared_ptr<ByteProgress> backup_;  // guarded by mutex_; of the one under way
  std::unique_ptr<Housekeeper> housekeeper_;
  std::unique_ptr<Checkpointer> checkpointer_;   // takes the last checkpoints as it goes
  std::unique_ptr<RecallKeeper> recall_keeper_;  // last: goes first
};

}  // namespace kith
