#include "storage/kv/rocksdb_recovery.h"

#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include <chrono>

namespace kith {
namespace {

constexpr uint64_t kRecoveryBytes = 1u << 20;  // for new files' heads, beside what is flushed to them
constexpr auto kPatience = std::chrono::seconds(2);

}  // namespace

RocksRecovery::RocksRecovery(const RocksOpening& opening, std::string directory, rocksdb::DB& db,
                             const RocksFamilies& families)
    : directory_(std::move(directory)),
      fs_(opening.fs),
      space_(opening.space),
      watch_(opening.watch),
      poison_(opening.poison),
      db_(db),
      family_(families[0]) {}

RocksRecovery::~RocksRecovery() {
  if (!thread_.joinable()) return;
  std::unique_lock lock(mutex_);
  // Wakes whatever waits inside RocksDB.
  if (under_way_) rocksdb::CancelAllBackgroundWork(&db_, /*wait=*/false);
  lock.unlock();
  thread_.join();
}

void RocksRecovery::run() {
  std::unique_lock lock(mutex_);
  if (!under_way_) {
    if (thread_.joinable()) thread_.join();
    const auto status = rocks_guarded([&] {
      thread_ = std::thread([this] {
        go_on();
        const std::lock_guard end(mutex_);
        under_way_ = false;
        done_.notify_all();
      });
      return rocksdb::Status::OK();
    });
    under_way_ = status.ok();  // no thread to be had: another time
  }
  done_.wait_for(lock, kPatience, [this] { return !under_way_; });
}

void RocksRecovery::go_on() {
  if (!stop_rocksdb() || !has_space()) return;
  poison_->wait_for_entered();  // an error of theirs now would end the resumption
  const uint64_t errors = poison_->errors();
  auto status = rocks_guarded([&] { return db_.Resume(); });
  if (status.ok() && log_is_torn()) status = begin_log();
  if (status.ok()) {
    space_->forget_torn_log();
    poison_->clear(errors);
  } else if (!status.IsBusy() && !status.IsShutdownInProgress()) {
    (void)poison_->set("going on after a full disk", status);
  }
}

/// By a write that finds no space, unless RocksDB has stopped before. While it is paused nothing is
/// scheduled, and after it has stopped nothing will be before it resumes.
bool RocksRecovery::stop_rocksdb() {
  if (!rocks_guarded([&] { return db_.PauseBackgroundWork(); }).ok()) return false;
  const auto status = rocks_guarded([&] {
    if (log_is_torn()) return rocksdb::Status::NoSpace();  // RocksDB asserts that nobody writes to it
    const RocksPoison::Stopping stopping(*poison_);
    const RocksSpace::Refusal refusal(*space_);
    rocksdb::WriteOptions options;
    options.no_slowdown = true;
    rocksdb::WriteBatch nothing;
    const auto marked = nothing.PutLogData(encode_mark(watch_->mark()));
    return marked.ok() ? db_.Write(options, &nothing) : marked;
  });
  rocks_guarded([&] { return db_.ContinueBackgroundWork(); }).PermitUncheckedError();
  // Incomplete: writes wait for compactions. They go on; another time.
  return !status.ok() && !status.IsIncomplete() && !status.IsMemoryLimit();
}

/// Not to write half of it again and again.
bool RocksRecovery::has_space() {
  uint64_t unflushed = 0;
  db_.GetAggregatedIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &unflushed);
  const auto device = fs_.disk_space(directory_);
  return device.ok() && device->free >= unflushed + kRecoveryBytes;
}

/// RocksDB resumes without a new log where nothing is in memory, and then does not write to the old one. So
/// something is put there, past the log: the absence of a key that nobody has. That the switch to a new log
/// fails once, since the old one is refused, is what makes the next resumption take a new one.
rocksdb::Status RocksRecovery::begin_log() {
  const RocksPoison::Stopping stopping(*poison_);
  rocksdb::WriteOptions past_the_log;
  past_the_log.disableWAL = true;
  auto status = rocks_guarded([&] { return db_.Delete(past_the_log, family_, rocksdb::Slice()); });
  if (!status.ok()) return status;
  rocks_guarded([&] { return db_.Flush(rocksdb::FlushOptions(), family_); }).PermitUncheckedError();
  status = rocks_guarded([&] { return db_.Resume(); });
  if (status.ok() && log_is_torn()) return rocksdb::Status::Aborted("RocksDB begins no new log");
  return status;
}

/// RocksDB would write to a log that may end in half a record.
bool RocksRecovery::log_is_torn() {
  std::unique_ptr<rocksdb::LogFile> log;
  return space_->torn_log() != 0 &&
         !(db_.GetCurrentWalFile(&log).ok() && log->LogNumber() != space_->torn_log());
}

}  // namespace kith
