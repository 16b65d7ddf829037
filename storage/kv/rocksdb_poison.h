// RocksPoison: whether a store still takes writes, and the error that ended it (kv_store.h). Hears of errors
// in RocksDB's background work as its listener; the store tells it of the others.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "base/result.h"
#include "storage/kv/rocksdb_space.h"

namespace kith {

/// Any thread. RocksDB keeps it beyond the store.
class RocksPoison final : public rocksdb::EventListener {
 public:
  RocksPoison(std::string directory, std::shared_ptr<RocksSpace> space)
      : directory_(std::move(directory)), space_(std::move(space)) {}

  /// The error, or OK while writes are taken.
  Result<void> check() const;
  /// It is want of space and nothing else: the store may recover.
  bool out_of_space() const;
  /// As `check`. Whoever calls into RocksDB for what may write or flush holds it meanwhile.
  Result<std::shared_lock<std::shared_mutex>> enter() const;
  /// Returns once nobody is inside who entered before the error.
  void wait_for_entered() const { const std::unique_lock none(entered_); }
  /// `what` failed. Returns what `check` does from now on.
  Result<void> set(const char* what, const rocksdb::Status& status);
  /// How many errors there were.
  uint64_t errors() const;
  /// The store has recovered from that many.
  void clear(uint64_t errors);

  /// Writes that have to wait for a compaction might wait for ever.
  bool compaction_lacks_space() const { return compaction_lacks_space_.load(); }

  /// While it lives, a write or a switch to a new log that finds no space stops RocksDB, so that it can
  /// resume.
  class Stopping {
   public:
    explicit Stopping(RocksPoison& poison) : poison_(poison) { poison_.stopping_.store(true); }
    ~Stopping() { poison_.stopping_.store(false); }
    Stopping(const Stopping&) = delete;
    Stopping& operator=(const Stopping&) = delete;

   private:
    RocksPoison& poison_;
  };

  /// The store is open.
  void attach(rocksdb::DB& db) { db_.store(&db); }

  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status, bool* auto_recovery) override {
    *auto_recovery = false;
  }
  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { flushing_.store(true); }
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo&) override { flushing_.store(false); }
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) override;

 private:
  enum class State : uint8_t { kSound, kOutOfSpace, kBroken };
  bool wants_space(const rocksdb::Status& status) const;
  void let_flushes_end() const;

  const std::string directory_;
  const std::shared_ptr<RocksSpace> space_;
  std::atomic<State> state_{State::kSound};
  std::atomic<bool> compaction_lacks_space_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> stopped_{false};  // RocksDB knows of want of space as what stops it
  std::atomic<bool> flushing_{false};
  std::atomic<rocksdb::DB*> db_{nullptr};
  mutable std::shared_mutex entered_;  // held across IO
  mutable std::mutex mutex_;
  uint64_t errors_ = 0;  // guarded by mutex_
  Result<void> error_;   // guarded by mutex_; not OK unless the state is kSound
};

}  // namespace kith
