#include "storage/kv/rocksdb_poison.h"

#include <chrono>
#include <thread>

#include "base/planted.h"
#include "storage/kv/rocksdb_snapshot.h"

namespace kith {

using rocksdb::BackgroundErrorReason;
using rocksdb::Status;

namespace {

constexpr auto kStuck = std::chrono::milliseconds(300);
constexpr auto kLongest = std::chrono::seconds(10);

}  // namespace

Result<void> RocksPoison::check() const {
  if (state_.load(std::memory_order_acquire) == State::kSound || planted("poison-forgotten")) return {};
  std::lock_guard lock(mutex_);
  return error_;
}

Result<std::shared_lock<std::shared_mutex>> RocksPoison::enter() const {
  std::shared_lock lock(entered_);
  TRY(check());
  return lock;
}

bool RocksPoison::out_of_space() const {
  return state_.load(std::memory_order_acquire) == State::kOutOfSpace;
}

/// After an append that found no space RocksDB refuses the file, in words of their own, also to a sync or a
/// switch to a new log that come at the same time.
bool RocksPoison::wants_space(const Status& status) const {
  if (space_->lost_bytes()) return false;
  if (is_out_of_space(status)) return true;
  const std::string text = status.ToString();
  return space_->torn_log() != 0 && status.IsIOError() &&
         (text.find("previous error") != std::string::npos || text.find("Seen error") != std::string::npos);
}

Result<void> RocksPoison::set(const char* what, const Status& status) {
  std::lock_guard lock(mutex_);
  ++errors_;
  const State before = state_.load(std::memory_order_relaxed);
  if (before == State::kBroken) return error_;
  if (wants_space(status)) {
    if (before == State::kOutOfSpace) return error_;
    error_ = resource_exhausted(
        "store '{}': the disk is full ({} failed: {}): nothing that was acknowledged is lost, reads go on, "
        "and "
        "writes will soon after there is space: free some",
        directory_, what, status.ToString());
    state_.store(State::kOutOfSpace, std::memory_order_release);
    return error_;
  }
  const bool exhausted = is_out_of_space(status) || status.IsMemoryLimit();
  error_ =
      make_error(exhausted ? Code::kResourceExhausted : Code::kFailedPrecondition,
                 "store '{}' is read-only since {} failed ({}); acknowledged writes are safe and reads go "
                 "on: check the device and restart",
                 directory_, what, status.ToString());
  state_.store(State::kBroken, std::memory_order_release);
  return error_;
}

uint64_t RocksPoison::errors() const {
  std::lock_guard lock(mutex_);
  return errors_;
}

void RocksPoison::clear(uint64_t errors) {
  std::lock_guard lock(mutex_);
  if (errors != errors_ || state_.load(std::memory_order_relaxed) != State::kOutOfSpace) return;
  stopped_.store(false);
  state_.store(State::kSound, std::memory_order_release);
  error_ = {};
}

void RocksPoison::OnBackgroundError(BackgroundErrorReason reason, Status* status) {
  const bool wanting = wants_space(*status);
  // RocksDB tries a compaction again by itself, and nothing waits for it but writes that outrun it. It must
  // not remember this as an error: flushes would end with it.
  if (reason == BackgroundErrorReason::kCompaction && wanting) {
    compaction_lacks_space_.store(true);
    *status = Status::OK();
    return;
  }
  if (!wanting) return (void)set("background work", *status);
  const bool writing =
      reason == BackgroundErrorReason::kWriteCallback || reason == BackgroundErrorReason::kMemTable;
  if (!(writing && stopping_)) (void)set("background work", *status);
  // A MANIFEST that others than a flush write stops nothing: nobody could say what is scheduled then. The
  // rest does. A switch to a new log that failed has changed nothing; RocksDB takes it for fatal because it
  // may buffer a log, which here it does not.
  if (reason == BackgroundErrorReason::kManifestWrite) {
    *status = Status(*status, Status::Severity::kSoftError);
    return;
  }
  if (writing && !stopping_ && !stopped_) let_flushes_end();
  *status = Status(*status, Status::Severity::kHardError);
  stopped_.store(true);
}

/// What RocksDB 7.8 forgets when an error stops it is a flush that is scheduled and has not begun; it would
/// wait for it for ever. Here a write has failed, and before it has told RocksDB so nobody else writes or
/// switches memtables: no flush is scheduled but those that are, and what waits behind the one that runs.
///
/// A flush may wait for a log that this very write was to sync: before its work, or after. It has begun then,
/// and none comes after it before the error is known.
void RocksPoison::let_flushes_end() const {
  using Properties = rocksdb::DB::Properties;
  rocksdb::DB* const db = db_.load();
  if (db == nullptr) return;
  const auto start = std::chrono::steady_clock::now();
  auto moved = start;
  for (auto now = start; now - start < kLongest && now - moved < kStuck;
       now = std::chrono::steady_clock::now()) {
    uint64_t pending = 0, running = 0;  // in this order: the first becomes the second
    if (stopped_ || !db->GetAggregatedIntProperty(Properties::kMemTableFlushPending, &pending) ||
        !db->GetAggregatedIntProperty(Properties::kNumRunningFlushes, &running) || pending + running == 0)
      return;
    if (running == 0 || flushing_) moved = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void RocksPoison::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& job) {
  if (job.status.ok()) compaction_lacks_space_.store(false);
}

}  // namespace kith
